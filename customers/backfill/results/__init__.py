"""What came of a run, as a file: a line for each row, for whoever keeps books or customers elsewhere."""

from customers.backfill.results.lines import Lines, ResultsError, own_file
from customers.backfill.results.writing import FORMATS, check_results_file, write_results, write_results_file

__all__ = [
    "FORMATS",
    "Lines",
    "ResultsError",
    "check_results_file",
    "own_file",
    "write_results",
    "write_results_file",
]

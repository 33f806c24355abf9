"""A later file against what is imported: who joined, who left, what changed. Reads only."""

from customers.backfill.compare.compared import Comparison, compare_file
from customers.backfill.compare.document import comparison_json
from customers.backfill.compare.files import Written, files_of
from customers.backfill.compare.showing import Show
from customers.backfill.compare.values import ON_CARDS, Difference, Kind

__all__ = [
    "ON_CARDS",
    "Comparison",
    "Difference",
    "Kind",
    "Show",
    "Written",
    "compare_file",
    "comparison_json",
    "files_of",
]

"""What came of a run, written to a file from a terminal."""

from pathlib import Path

from django.core.management.base import CommandParser
from django.db import transaction

from auditlog.models import Event, record
from customers.backfill.money.open_usage import written_kwh
from customers.backfill.refused import Refused
from customers.backfill.results import Lines, ResultsError, check_results_file, own_file, write_results_file
from customers.backfill.results.invoices import invoices_of
from customers.backfill.source import Source, open_source, read_mapping
from customers.models import BackfillRun
from kernel.wording import counted


def add_results_options(parser: CommandParser) -> None:
    add = parser.add_argument
    add("--results", type=Path, metavar="FILE", help="write what came of each row: .csv, .xlsx or .json")
    add("--input", type=Path, metavar="FILE", help="with --results: the file of the run, for its own columns")
    add("--mapping", type=Path, metavar="FILE", help="with --input: the mapping through which it was read")


def refuse_without(results: Path | None, run_id: str | None, *others: Path | None) -> None:
    """Refuse options that would do nothing."""
    if results and not run_id:
        raise Refused("--results needs a run.", "python manage.py backfill_runs RUN_ID --results FILE")
    if any(others) and not results:
        raise Refused("--input and --mapping mean something with --results only.")


def save_results(
    run: BackfillRun, path: Path, given: Path | None, mapping: Path | None, *, actor: str
) -> str:
    """Write the file, and down who has written it; return what to say. Raises Refused, SourceError."""
    try:
        check_results_file(path)
        source = _source(run, given, mapping)
        with invoices_of(run) as invoices:
            lines = Lines(run, invoices, source)
            with transaction.atomic():
                record(run.audit_tag, actor, [Event("run.results_read", f"run:{run.run_id}")])
            number = write_results_file(path, lines)
    except ResultsError as error:
        raise Refused(str(error)) from error
    own = "" if source else " The file of the run is not kept here: its own columns need --input FILE."
    blank = f" First invoices are blank: {invoices.why_not}." if invoices.why_not else ""
    still = f" Charged before and not billed yet: {written_kwh(lines.kwh)} in all." if lines.kwh else ""
    return f"{counted(number, 'row')} in {path}.{still}{own}{blank}"


def _source(run: BackfillRun, given: Path | None, mapping: Path | None) -> Source | None:
    if given is None:
        return own_file(run)
    through = read_mapping(mapping) if mapping else None
    if run.options.get("mapping") != (through.sha256() if through else None):
        was = run.options.get("mapping_name")
        told = f"through the mapping {was}, as it was then" if was else "without a mapping"
        raise Refused(f"The run {run.run_id} read its file {told}.", "Give the same with --mapping.")
    return open_source(given, mapping=through)

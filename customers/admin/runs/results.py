"""What came of a run, to download: with the columns of its file while that is kept."""

import tempfile

from django.conf import settings
from django.http import FileResponse

from customers.admin.error_rows import CONTENT_TYPES
from customers.backfill.results import FORMATS, Lines, ResultsError, own_file, write_results
from customers.backfill.results.invoices import invoices_of
from customers.models import BackfillRun

RESULTS = tuple(FORMATS)
WORKBOOK_ROWS = 20_000  # a workbook takes a millisecond a row, after all that is read


def check_size(run: BackfillRun, kind: str) -> None:
    """Refuse what a page would be waited for until a proxy gives it up; raise ResultsError."""
    rows, most = run.rows.count(), settings.MAX_UPLOAD_ROWS
    if kind == "xlsx":
        most = min(most, WORKBOOK_ROWS)
    if rows > most:
        way = f"python manage.py backfill_runs {run.run_id} --results results.{kind}"
        raise ResultsError(
            f"A page gives at most {most:,} rows as {kind}, and this run has {rows:,}. All of them: {way}"
        )


def results_of(run: BackfillRun, kind: str) -> FileResponse:
    """Write it where it takes no memory, and hand it out; raise ResultsError, SourceError."""
    content = tempfile.TemporaryFile()  # noqa: SIM115 - the response closes it, and with that it is gone
    try:
        with invoices_of(run) as invoices:
            write_results(content, kind, Lines(run, invoices, own_file(run)))
    except BaseException:
        content.close()
        raise
    content.seek(0)
    name, content_type = f"results-{run.run_id}.{kind}", CONTENT_TYPES.get(kind, f"text/{kind}")
    return FileResponse(content, as_attachment=True, filename=name, content_type=content_type)

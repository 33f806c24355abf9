"""The rows of a run that failed, to download: of its file while that is kept, else as they were recorded."""

import csv
import io
from collections.abc import Iterable, Iterator

from django.http import HttpResponse

from customers.admin.error_rows import as_file, error_rows
from customers.admin.wording import in_console
from customers.backfill.source.formulas import escape
from customers.models import BackfillRow, BackfillRun, BackfillUpload
from kernel import Problem

COLUMNS = ("line", "external_id", "plan_code", "code", "field", "message", "hint")


def failed_rows(run: BackfillRun) -> HttpResponse:
    failed = run.rows.filter(outcome=BackfillRow.Outcome.FAILED).order_by("line")
    upload = BackfillUpload.objects.filter(run=run).first()
    if upload is not None:
        return error_rows(upload, {row.line: [Problem(**one) for one in row.problems] for row in failed})
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    writer.writerows(_lines(failed))
    return as_file(text.getvalue().encode(), f"failed-{run.run_id}.csv", "text/csv")


def _lines(failed: Iterable[BackfillRow]) -> Iterator[list[str]]:
    """Give a line for each problem; no more of a person than the external_id is known."""
    for row in failed:
        for problem in row.problems or [{}]:
            told = [in_console(str(problem.get(name) or "")) for name in COLUMNS[3:]]
            yield [str(row.line), *map(escape, (row.external_id, row.plan_code, *told))]

"""Rows that need attention, to download in the form in which they came."""

import io
from collections.abc import Mapping, Sequence

from django.http import HttpResponse

from customers.admin.wording import for_console
from customers.backfill import uploads as staging
from customers.backfill.source.error_file import write_errors
from customers.models import BackfillUpload
from kernel import Problem

CONTENT_TYPES = {
    "json": "application/json",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "ods": "application/vnd.oasis.opendocument.spreadsheet",
}


def error_rows(upload: BackfillUpload, problems: Mapping[int, Sequence[Problem]]) -> HttpResponse:
    """Return these lines of the file with what is wrong with them; raise SourceError."""
    source, stream = staging.open_upload(upload), io.BytesIO()
    write_errors(
        stream, source.info, ((r, for_console(problems[r.line])) for r in source if r.line in problems)
    )
    kind = source.info.format
    return as_file(stream.getvalue(), f"errors.{kind}", CONTENT_TYPES.get(kind, f"text/{kind}"))


def as_file(content: bytes, name: str, content_type: str) -> HttpResponse:
    response = HttpResponse(content, content_type=content_type)
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response

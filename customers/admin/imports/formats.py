"""The formats of an upload. All are read by the parser that the command uses, from the bytes."""

import tablib
from import_export.formats.base_formats import Format

from customers.backfill import uploads as staging
from customers.backfill.source import FORMATS
from customers.models import BackfillUpload


class UploadFormat(Format):  # type: ignore[misc]
    """Wraps a whole file as a dataset of one row, for the Resource stages one run per file."""

    kind = ""

    def __init__(self, encoding: str | None = None) -> None:
        """Take, and ignore, what the library knows of encodings: the parser recognises them."""

    def get_title(self) -> str:
        return self.kind

    def create_dataset(self, upload: BackfillUpload) -> tablib.Dataset:
        """Open the file to prove that it can be read; raise SourceError."""
        info = staging.open_upload(upload).info
        return tablib.Dataset((info.sha256, info.name), headers=["input_sha256", "input_name"])

    def can_import(self) -> bool:
        return True


def _format(kind: str) -> type[UploadFormat]:
    return type(f"{kind.capitalize()}Format", (UploadFormat,), {"kind": kind})


UPLOAD_FORMATS = [_format(kind) for kind in FORMATS]

"""A mapping as a file to be kept."""

import re
from pathlib import PurePath

from django.http import HttpResponse


def mapping_file(name: str, text: str) -> HttpResponse:
    """Return a mapping to be kept as a file."""
    response = HttpResponse(text, content_type="application/toml; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{file_name(name)}"'
    return response


def corrected_name(name: str) -> str:
    """Name a file with corrections after the one that was uploaded."""
    path = PurePath(file_name(name))
    return f"{path.stem}-corrected{PurePath(name).suffix.casefold()}"


def file_name(name: str) -> str:
    """Name the file of a mapping after an export, or after what it is kept as."""
    stem = re.sub(r"[^A-Za-z0-9_-]+", "_", PurePath(name).stem).strip("_")
    return f"{stem or 'columns'}.toml"

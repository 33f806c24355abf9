"""A file that is written whole or not at all, so that nobody meets half of one."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """Give a stream whose content stands at `path` once this is left well, readable by its owner only.

    Raises OSError. What is there already is replaced at the end, and stays if something goes wrong before.
    """
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with open(handle, "wb") as stream:  # noqa: PTH123 - the handle is open already
            yield stream
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink()
        raise

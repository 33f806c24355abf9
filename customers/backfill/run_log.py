"""The log of a run: one line per row in logfmt, for people with grep and for whoever asks later.

It holds line numbers, external_ids, outcomes and codes, never an address, a name or a whole idTag.
"""

import os
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from customers.backfill.options import Refused


def check_folder(folder: Path) -> None:
    """Prove that logs can be written, before anything else happens; raise Refused."""
    probe = folder / f".probe-{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        raise Refused(
            f"The log directory {folder} cannot be written: {error.strerror}.",
            "Set BACKFILL_LOG_DIR to a directory that this user may write.",
        ) from error


def logfmt(values: Mapping[str, Any]) -> str:
    return " ".join(f"{key}={_quoted(value)}" for key, value in values.items())


def _quoted(value: Any) -> str:
    text = str(value)
    if text and all(char.isprintable() and char not in ' "=\\' for char in text):
        return text
    escaped = "".join(
        c
        if c.isprintable() and c not in '"\\'
        else c.encode("unicode_escape").decode()
        if c not in '"\\'
        else f"\\{c}"
        for c in text
    )
    return f'"{escaped}"'


class RunLog:
    """A log file that is appended to, flushed per batch, and readable by its owner only."""

    def __init__(self, path: Path, run_id: str) -> None:
        self.path = path
        self._run_id = run_id
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self._file = os.fdopen(descriptor, "a", encoding="utf-8")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            self._file.close()
        except OSError:
            if kind is None:
                raise

    def write(self, lines: Iterable[Mapping[str, Any]]) -> None:
        """Append lines and hand them to the operating system; raise OSError if it cannot take them."""
        now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
        text = "".join(f"{now} run={self._run_id} {logfmt(line)}\n" for line in lines)
        self._file.write(text)
        self._file.flush()

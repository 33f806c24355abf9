"""The log of a run: one line per row in logfmt, for people with grep and for whoever asks later.

It holds line numbers, external_ids, outcomes and codes, never an address, a name or a whole idTag.
"""

import fcntl
import os
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from customers.backfill.refused import Refused

# What nearly all values are, told in one look: of a run's time a tenth went into looking letter by letter.
PLAIN = re.compile(r"[!#-<>-\[\]-~]+")
STAMP_FORMAT = "%Y-%m-%dT%H:%M:%SZ"
TORN = " #torn"  # where a line that a full disk cut off ends; no value can hold it unquoted


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


def log_path(folder: Path, run_id: str) -> Path:
    """Name the log after the moment the run began. Two of one second share it; each line names its run."""
    return folder / f"run-{run_id.rpartition('-')[0]}.log"


def manifest_path(folder: Path, run_id: str) -> Path:
    """Name the log of the run's reverts."""
    return folder / f"revert-{run_id}.log"


def logfmt(values: Mapping[str, Any]) -> str:
    return " ".join(f"{key}={_quoted(value)}" for key, value in values.items())


def _quoted(value: Any) -> str:
    text = str(value)
    if PLAIN.fullmatch(text):
        return text
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


def as_lines(run_id: str, lines: Iterable[Mapping[str, Any]]) -> str:
    """Return lines of now as a log has them; blank if there are none."""
    now = datetime.now(UTC).strftime(STAMP_FORMAT)
    return "".join(f"{now} run={run_id} {logfmt(line)}\n" for line in lines)


class RunLog:
    """A log file that is appended to, written through per batch, and readable by its owner only."""

    def __init__(self, path: Path, run_id: str) -> None:
        """Open the file, or go on with it; raise Refused."""
        self.path = path
        self._run_id = run_id
        try:
            self._file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise Refused(
                f"The log {path} cannot be written: {error.strerror}.", "Does it belong to another user?"
            ) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        os.close(self._file)

    def write(self, lines: Iterable[Mapping[str, Any]]) -> None:
        """Append lines and hand them to the operating system; raise OSError if it cannot take them.

        Nothing is buffered: what a full disk did not take must not be tried again when the file is closed.
        """
        self.append(as_lines(self._run_id, lines))

    def append(self, text: str) -> None:
        """Append lines that are made already, as `write` does."""
        if text and self._ends_in_a_torn_line():
            text = f"{TORN}\n{text}"
        left = memoryview(text.encode())
        while left:
            left = left[os.write(self._file, left) :]

    def tail(self, size: int) -> str:
        """Return the last bytes of the file, as text."""
        end = os.fstat(self._file).st_size
        return os.pread(self._file, size, max(end - size, 0)).decode(errors="replace")

    def lock(self) -> None:
        """Wait until nobody else on this machine has it locked; it ends with the file."""
        fcntl.flock(self._file, fcntl.LOCK_EX)

    def _ends_in_a_torn_line(self) -> bool:
        """Return whether a full disk cut the last line off, of this attempt or of one before."""
        size = os.fstat(self._file).st_size
        return size > 0 and os.pread(self._file, 1, size - 1) != b"\n"

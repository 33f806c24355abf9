"""The log of a run in shares, as long as no machine has all of it: parts, in the order of settling.

Each is written in the transaction that settles, while the run's row is locked: so the numbers of the parts
are in the order in which these transactions ended. When the run ends they become a file.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from customers.backfill.ledger.run_log import RunLog, as_lines, log_path
from customers.models import BackfillRun, RunLogPart


def write(run: BackfillRun, lines: Iterable[Mapping[str, Any]]) -> None:
    """Add lines, in the transaction that makes them true."""
    if text := as_lines(run.run_id, lines):
        BackfillRun.objects.select_for_update(no_key=True).values_list("pk").get(pk=run.pk)
        RunLogPart.objects.create(run=run, text=text)


def text_of(run: BackfillRun) -> Iterator[str]:
    """Return the log so far, of all attempts in shares, in pieces."""
    parts = RunLogPart.objects.filter(run=run).order_by("id").values_list("text", flat=True)
    return parts.iterator(chunk_size=500)


def put_into_file(run: BackfillRun, folder: Path) -> Path:
    """Write what the file of the run lacks of its parts; safe to repeat, and beside another who does so.

    Of two on one disk, the second finds that nothing is lacking. Raises OSError and Refused.
    """
    path = log_path(folder, run.run_id)
    with RunLog(path, run.run_id) as log:
        log.lock()
        known = _known(path)
        for text in text_of(run):
            log.append("".join(line for line in text.splitlines(keepends=True) if hash(line) not in known))
    return path


def _known(path: Path) -> set[int]:
    """Return what tells the lines that are there; nothing of them is kept, as there may be very many."""
    with path.open(encoding="utf-8", errors="replace", newline="\n") as lines:
        return {hash(line) for line in lines}

"""The logs of a run in shares, as long as no machine has all of them: parts, in the order of settling.

Each is written in the transaction that settles, while the run's row is locked: so the numbers of the parts
are in the order in which these transactions ended. When the run ends they become a file.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from customers.backfill.ledger.run_log import RunLog, as_lines, log_path, manifest_path
from customers.models import BackfillRun, RunLogPart

Log = RunLogPart.Log


def write(run: BackfillRun, lines: Iterable[Mapping[str, Any]], log: str = Log.RUN) -> None:
    """Add lines, in the transaction that makes them true."""
    if text := as_lines(run.run_id, lines):
        BackfillRun.objects.select_for_update(no_key=True).values_list("pk").get(pk=run.pk)
        RunLogPart.objects.create(run=run, log=log, text=text)


def text_of(run: BackfillRun, log: str = Log.RUN) -> Iterator[str]:
    """Return a log so far, of all attempts in shares, in pieces that end with a line."""
    parts = RunLogPart.objects.filter(run=run, log=log).order_by("id").values_list("text", flat=True)
    return parts.iterator(chunk_size=500)


def logs_of(run: BackfillRun) -> set[str]:
    """Name the logs of which there are parts."""
    return set(RunLogPart.objects.filter(run=run).order_by().values_list("log", flat=True).distinct())


def put_into_file(run: BackfillRun, folder: Path, log: str = Log.RUN) -> Path:
    """Write what the file of a log lacks of its parts; safe to repeat, and beside another who does so.

    Of two on one disk, the second finds that nothing is lacking. Raises OSError and Refused.
    """
    path = path_of(run, folder, log)
    with RunLog(path, run.run_id) as file:
        file.lock()
        known = _known(path)
        for text in text_of(run, log):
            file.append("".join(line for line in text.splitlines(keepends=True) if hash(line) not in known))
    return path


def path_of(run: BackfillRun, folder: Path, log: str) -> Path:
    return log_path(folder, run.run_id) if log == Log.RUN else manifest_path(folder, run.run_id)


def _known(path: Path) -> set[int]:
    """Return what tells the lines that are there; nothing of them is kept, as there may be very many."""
    with path.open(encoding="utf-8", errors="replace", newline="\n") as lines:
        return {hash(line) for line in lines}

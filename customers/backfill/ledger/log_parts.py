"""The logs of a run in shares, as long as no machine has all of them: parts, in the order of settling.

Each is written in the transaction that settles, while the run's row is locked: so the numbers of the parts
are in the order in which these transactions ended. Who writes one puts it into a file at once, on its own
machine: what only the database has is lost with it. When the run ends, the file gets what it lacks.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction

from customers.backfill.ledger.log_reading import parse
from customers.backfill.ledger.run_log import STAMP_FORMAT, RunLog, as_lines, log_path, manifest_path
from customers.backfill.refused import Refused
from customers.models import BackfillRun, RunLogPart

Log = RunLogPart.Log
TAIL = 256 * 1024  # bytes: what others on this machine may write meanwhile
logger = logging.getLogger(__name__)


def write(run: BackfillRun, lines: Iterable[Mapping[str, Any]], log: str = Log.RUN) -> None:
    """Add lines, in the transaction that makes them true."""
    if text := as_lines(run.run_id, lines):
        BackfillRun.objects.select_for_update(no_key=True).values_list("pk").get(pk=run.pk)
        part = RunLogPart.objects.create(run=run, log=log, text=text)
        transaction.on_commit(partial(_onto_disk, run, log, part.pk))


def _onto_disk(run: BackfillRun, log: str, pk: int) -> None:
    """Put a part that was just written into the file of this machine; one that is new gets all parts so far.

    A disk that cannot take it keeps nobody from working: the end of the run is the next try.
    """
    path = path_of(run, settings.BACKFILL_LOG_DIR, log)
    try:
        if not path.exists():
            put_into_file(run, settings.BACKFILL_LOG_DIR, log)
            return
        text = RunLogPart.objects.values_list("text", flat=True).get(pk=pk)
        with RunLog(path, run.run_id) as file:
            file.lock()
            known = set(file.tail(TAIL + len(text)).splitlines(keepends=True))
            file.append("".join(line for line in text.splitlines(keepends=True) if line not in known))
    except (OSError, Refused) as error:
        _complain(run.run_id, str(path), str(error))


@cache
def _complain(run_id: str, path: str, why: str) -> None:
    """Say once why nothing of a run is on this disk."""
    logger.error("The log of the run %s was not written to %s: %s", run_id, path, why)


def is_behind_file(run: BackfillRun, since: datetime) -> bool:
    """Return whether our file has a line that the database lacks, though it was written there before.

    So an older database was put back. `since`: when the run was shared out; of what is older there may be no
    part. False where there is no file that can be read.
    """
    last = _last_line(path_of(run, settings.BACKFILL_LOG_DIR, Log.RUN), run.run_id)
    if not last or _moment(last) < since.replace(microsecond=0):
        return False
    there = RunLogPart.objects.filter(run=run, log=Log.RUN, text__contains=last).order_by("-pk")
    return there.values_list("pk").first() is None


def _last_line(path: Path, run_id: str) -> str:
    """Return the last line of a run that is whole; blank if there is none."""
    try:
        if not path.exists():
            return ""
        with RunLog(path, run_id) as file:
            lines = file.tail(TAIL).splitlines(keepends=True)
    except (OSError, Refused):
        return ""
    for line in reversed(lines):
        read = parse(line.removesuffix("\n")) if line.endswith("\n") else None
        if read and read[1] == run_id:
            return line
    return ""


def _moment(line: str) -> datetime:
    return datetime.strptime(line.partition(" ")[0], STAMP_FORMAT).replace(tzinfo=UTC)


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

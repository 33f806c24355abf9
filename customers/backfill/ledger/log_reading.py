"""Reading a run's own log again: what it made, after a database that knew of it was put back.

Only whole, well-formed lines of the run count, and only below a head that names its file and its Lago
organization. What cannot be read is counted and left out; nothing is guessed from it.
"""

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from customers.backfill.steps import elsewhere

STAMP = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
LINE = re.compile(rf"({STAMP}) run=(\d{{8}}-\d{{6}}-[0-9a-f]{{4}}) (.+)")
RUN = re.compile(rb" run=(\S+) ")
PAIR = re.compile(r'([a-z0-9_]+)=("(?:[^"\\]|\\.)*"|[^ "=\\]+)(?: |$)')
ESCAPE = re.compile(r"\\(x[0-9a-f]{2}|u[0-9a-f]{4}|U[0-9a-f]{8}|.)")
CONTROLS = {"n": "\n", "r": "\r", "t": "\t"}
MADE, ALTERED = "made", "altered"  # keys of a row's line
GONE = ("removed", "gone")  # outcomes of a manifest's line

Values = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Made:
    """A thing that the log says its run made. `ref` is blank in logs of 1.0, which did not keep it."""

    external_id: str
    ref: str


@dataclass(slots=True)
class LoggedRun:
    """What the logs of one run tell. `made` is by line and step, without what its revert has removed.

    `altered` are things of others that it changed: how they were before stands in no log.
    """

    run_id: str
    path: Path
    began_at: str
    head: Values
    made: dict[tuple[int, str], Made] = field(default_factory=dict)
    altered: set[tuple[int, str]] = field(default_factory=set)
    removed: int = 0
    unread: int = 0


def read_runs(
    folder: Path, sha256: str, is_here: Callable[[Values], bool], *, over: Collection[str] = ()
) -> Iterator[LoggedRun]:
    """Return the runs over a file that the logs of a folder tell of; `is_here` says which heads count.

    A log of none but the runs `over` is not read: a large one takes seconds.
    """
    for path in sorted(folder.glob("run-*.log")):
        heads = _heads(path)
        run_ids = {found.decode("utf-8", "replace") for found in RUN.findall(heads)}
        if f" sha256={sha256} ".encode() not in heads or run_ids.issubset(over):
            continue
        yield from _runs_in(path, sha256, is_here).values()


def heads_of(folder: Path, sha256: str) -> list[Values]:
    """Return the head of each attempt over a file, wherever it went, to say why none counts."""
    found: list[Values] = []
    for path in sorted(folder.glob("run-*.log")):
        for line in _heads(path).decode("utf-8", "replace").splitlines():
            if (read := parse(line)) and read[2].get("sha256") == sha256:
                found.append(read[2])
    return found


def parse(line: str) -> tuple[str, str, dict[str, str]] | None:
    """Return moment, run id and values of a whole line; None if it is torn, glued or made up."""
    if not (match := LINE.fullmatch(line)):
        return None
    values: dict[str, str] = {}
    place, told = 0, match[3]
    while place < len(told):
        pair = PAIR.match(told, place)
        if pair is None or pair[1] in values:
            return None
        values[pair[1]] = _unquoted(pair[2])
        place = pair.end()
    return match[1], match[2], values


def _unquoted(text: str) -> str:
    return ESCAPE.sub(_char, text[1:-1]) if text.startswith('"') else text


def _char(match: re.Match[str]) -> str:
    code = match[1]
    return chr(int(code[1:], 16)) if len(code) > 1 else CONTROLS.get(code, code)


def _heads(path: Path) -> bytes:
    """Return the lines that may be heads; the others are many."""
    with path.open("rb") as lines:
        return b"".join(line for line in lines if b" sha256=" in line and b" rows=" in line)


def _runs_in(path: Path, sha256: str, is_here: Callable[[Values], bool]) -> dict[str, LoggedRun]:
    runs: dict[str, LoggedRun] = {}
    counts: set[str] = set()  # runs whose last head was that of this file and place
    with path.open(encoding="utf-8", errors="replace", newline="\n") as lines:
        for text in lines:
            read = parse(text.removesuffix("\n")) if text.endswith("\n") else None
            if read is None:
                for run_id in counts:
                    runs[run_id].unread += 1
                continue
            at, run_id, values = read
            if "sha256" in values:
                counts.discard(run_id)
                if values["sha256"] == sha256 and is_here(values):
                    runs.setdefault(run_id, LoggedRun(run_id, path, at, values))
                    counts.add(run_id)
            elif run_id in counts and "line" in values:
                _take(runs[run_id], values)
    for run in runs.values():
        _leave_out_removed(run)
    return runs


def _take(run: LoggedRun, values: Values) -> None:
    number, external_id = values["line"], values.get("external_id", "")
    if not number.isascii() or not number.isdigit() or not external_id or "outcome" not in values:
        run.unread += 1
        return
    for name, ref in _refs(values).items():
        run.made[int(number), name] = Made(external_id, ref)
    run.altered |= {(int(number), name) for name in values.get(ALTERED, "").split(",") if name in elsewhere()}


def _refs(values: Values) -> dict[str, str]:
    """Return what the line says was made elsewhere, with the id that its system gave it.

    What is in our own database is put back with it, or gone.
    """
    if MADE in values:
        pairs = (one.partition(":") for one in values[MADE].split(","))
        return {name: ref for name, _, ref in pairs if name in elsewhere() and ref}
    return {name: "" for name in elsewhere() if values.get(name) == "created"}


def _leave_out_removed(run: LoggedRun) -> None:
    """Leave out what the manifest of the run's revert says has gone: what stands there now is another."""
    manifest = run.path.with_name(f"revert-{run.run_id}.log")
    if not manifest.exists():
        return
    with manifest.open(encoding="utf-8", errors="replace", newline="\n") as lines:
        for text in lines:
            read = parse(text.removesuffix("\n"))
            if read is None or read[1] != run.run_id or read[2].get("outcome") not in GONE:
                continue
            number, name = read[2].get("line", ""), read[2].get("step", "")
            place = (int(number), name) if number.isascii() and number.isdigit() else (0, "")
            if place in run.made:
                del run.made[place]
                run.removed += 1


def option(text: str) -> Any:
    """Read an option as a head tells it."""
    return {"None": None, "True": True, "False": False}.get(text, text)

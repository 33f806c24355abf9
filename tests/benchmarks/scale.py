"""Take a large file through every command, and print what each takes: `make bench ARGS="scale 100000"`.

Where a bar is kept depends on the machine; so another checkout can be measured beside this one, by the same
code: ARGS="scale 20000 --tree ../before". ARGS="scale 1000000 --until import" ends before the others.
"""

import argparse
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.benchmarks.stage import ROOT, Cost, Stage, stage

ROWS = 20_000
NAMES = (
    "dry-run",
    "import",
    "dry-run, --skip-existing",
    "again, --skip-existing",
    "reconcile",
    "revert, dry-run",
    "revert",
)
HEAD = 4_096  # bytes of a document; the id of the run is among them


def main(words: list[str]) -> int:
    options = _options(words)
    print(f"{options.rows:,} rows, {options.tree}")
    print(f"{'':28}{'wall':>9}{'rows/s':>9}{'CPU':>9}{'ms/row':>9}{'memory':>9}", flush=True)
    with stage(latency_ms=0, tree=options.tree) as here:
        return int(not _all_commands(here, options.rows, options.until))


def _all_commands(here: Stage, rows: int, until: str) -> bool:
    """Run them in their order, up to one of them; return whether each ended well."""
    all_well = True
    for name, words in _commands(here, str(here.file(rows, "S"))):
        all_well &= _told(rows, name, here.cost(*words))
        if name == until:
            break
    return all_well


def _commands(here: Stage, path: str) -> Iterator[tuple[str, Sequence[str]]]:
    """Name the commands, each when those before it have run: some need the run that has been made."""
    importing, again = ("backfill_customers", "--input", path), "--skip-existing"
    yield NAMES[0], (*importing, "--dry-run")
    yield NAMES[1], importing
    run = ("--run-id", _run_id(here))
    yield NAMES[2], (*importing, again, "--dry-run")
    yield NAMES[3], (*importing, again)
    yield NAMES[4], ("backfill_reconcile", *run)
    yield NAMES[5], ("backfill_revert", *run, "--dry-run")
    yield NAMES[6], ("backfill_revert", *run, "--noinput")


def _run_id(here: Stage) -> str:
    """Read which run it was that has just been made."""
    with here.out.open(encoding="utf-8") as document:
        found = re.search(r'"run_id":\s*"([^"]+)"', document.read(HEAD))
    if found is None:
        raise RuntimeError("there is no run")
    return found[1]


def _told(rows: int, name: str, cost: Cost) -> bool:
    figures = (
        f"{cost.wall_s:7.1f} s{rows / cost.wall_s:9.0f}{cost.cpu_s:7.1f} s{1000 * cost.cpu_s / rows:9.2f}"
        f"{cost.max_rss_mb:6.0f} MB"
    )
    ended = f"  ended with {cost.code}" if cost.code else ""
    print(f"{name:28}{figures}{ended}", flush=True)
    return not cost.code


def _options(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scale", description=__doc__)
    parser.add_argument("rows", nargs="?", type=int, default=ROWS)
    parser.add_argument("--tree", type=Path, default=ROOT, help="another checkout of this project")
    parser.add_argument(
        "--until", choices=NAMES, default=NAMES[-1], metavar="COMMAND", help="the last to run"
    )
    return parser.parse_args(words)

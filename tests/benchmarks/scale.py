"""Take a large file through every command, and print what each takes: `make bench ARGS="scale 100000"`.

Where a bar is kept depends on the machine, and on the minute. So another checkout can be measured by the same
code, with a database and a Lago of its own, command by command in turn with this one:
ARGS="scale 20000 --beside ../before". ARGS="scale 1000000 --until import" ends before the other commands.
"""

import argparse
import re
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from tests.benchmarks.stage import ROOT, Cost, Stage, stage

ROWS = 20_000
COMMANDS = {
    "dry-run": "backfill_customers --input {path} --dry-run",
    "import": "backfill_customers --input {path}",
    "dry-run, --skip-existing": "backfill_customers --input {path} --skip-existing --dry-run",
    "again, --skip-existing": "backfill_customers --input {path} --skip-existing",
    "reconcile": "backfill_reconcile --run-id {run_id}",
    "revert, dry-run": "backfill_revert --run-id {run_id} --dry-run",
    "revert": "backfill_revert --run-id {run_id} --noinput",
}
HEAD = 4_096  # bytes of a document; the id of the run is among them


def main(words: list[str]) -> int:
    options = _options(words)
    with ExitStack() as stack:
        stages = [stack.enter_context(stage(latency_ms=0, tree=tree)) for tree in options.trees]
        return int(not _all_commands(stages, options.rows, options.until))


def _all_commands(stages: Sequence[Stage], rows: int, until: str) -> bool:
    """Run them in their order, up to one of them, each at every stage; return whether each ended well."""
    paths = [here.file(rows, "S") for here in stages]
    run_ids, all_well = [""] * len(stages), True
    for number, here in enumerate(stages):
        print(f"{number + 1}: {rows:,} rows, {here.tree}")
    print(f"{'':30}{'wall':>9}{'rows/s':>9}{'CPU':>9}{'ms/row':>9}{'memory':>9}", flush=True)
    for name, command in COMMANDS.items():
        for number, here in enumerate(stages):
            words = [word.format(path=paths[number], run_id=run_ids[number]) for word in command.split()]
            all_well &= _told(rows, f"{number + 1} {name}", here.cost(*words))
            if name == "import":
                run_ids[number] = _run_id(here)
        if name == until:
            break
    return all_well


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
    print(f"{name:30}{figures}{ended}", flush=True)
    return not cost.code


def _options(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scale", description=__doc__)
    parser.add_argument("rows", nargs="?", type=int, default=ROWS)
    parser.add_argument(
        "--beside",
        type=Path,
        action="append",
        dest="trees",
        default=[ROOT],
        metavar="TREE",
        help="another checkout of this project, measured in turn with this one (repeatable)",
    )
    parser.add_argument(
        "--until", choices=COMMANDS, default="revert", metavar="COMMAND", help="the last to run"
    )
    return parser.parse_args(words)

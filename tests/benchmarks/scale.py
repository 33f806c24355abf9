"""Take a large file through every command, and print what each takes: `make bench ARGS="scale 100000"`.

Where a bar is kept depends on the machine; so another checkout can be measured beside this one, by the same
code: ARGS="scale 20000 --tree ../before". ARGS="scale 1000000 --until import" ends before the others.
"""

import argparse
import re
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
    print(f"{options.rows:,} rows, {options.tree}")
    print(f"{'':28}{'wall':>9}{'rows/s':>9}{'CPU':>9}{'ms/row':>9}{'memory':>9}", flush=True)
    with stage(latency_ms=0, tree=options.tree) as here:
        return int(not _all_commands(here, options.rows, options.until))


def _all_commands(here: Stage, rows: int, until: str) -> bool:
    """Run them in their order, up to one of them; return whether each ended well."""
    path, run_id, all_well = here.file(rows, "S"), "", True
    for name, command in COMMANDS.items():
        words = [word.format(path=path, run_id=run_id) for word in command.split()]
        all_well &= _told(rows, name, here.cost(*words))
        if name == until:
            break
        if name == "import":
            run_id = _run_id(here)
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
    print(f"{name:28}{figures}{ended}", flush=True)
    return not cost.code


def _options(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scale", description=__doc__)
    parser.add_argument("rows", nargs="?", type=int, default=ROWS)
    parser.add_argument("--tree", type=Path, default=ROOT, help="another checkout of this project")
    parser.add_argument(
        "--until", choices=COMMANDS, default="revert", metavar="COMMAND", help="the last to run"
    )
    return parser.parse_args(words)

"""Take a large file through every command, and print what each takes: `make bench ARGS="scale 100000"`.

Where a bar is kept depends on the machine; so another checkout can be measured beside this one, by the same
code: ARGS="scale 20000 --tree ../before".
"""

import argparse
import re
from pathlib import Path

from tests.benchmarks.stage import ROOT, Cost, Stage, stage

ROWS = 20_000
HEAD = 4_096  # bytes of a document; the id of the run is among them


def main(words: list[str]) -> int:
    options = _options(words)
    print(f"{options.rows:,} rows, {options.tree}")
    print(f"{'':28}{'wall':>9}{'rows/s':>9}{'CPU':>9}{'ms/row':>9}{'memory':>9}", flush=True)
    with stage(latency_ms=0, tree=options.tree) as here:
        return int(not _all_commands(here, options.rows))


def _all_commands(here: Stage, rows: int) -> bool:
    """Run them in their order; return whether each ended well."""
    path = str(here.file(rows, "S"))
    importing, again = ("backfill_customers", "--input", path), "--skip-existing"
    well = [
        _told(rows, "dry-run", here.cost(*importing, "--dry-run")),
        _told(rows, "import", here.cost(*importing)),
    ]
    run = ("--run-id", _run_id(here))
    return all(
        [
            *well,
            _told(rows, "dry-run, --skip-existing", here.cost(*importing, again, "--dry-run")),
            _told(rows, "again, --skip-existing", here.cost(*importing, again)),
            _told(rows, "reconcile", here.cost("backfill_reconcile", *run)),
            _told(rows, "revert, dry-run", here.cost("backfill_revert", *run, "--dry-run")),
            _told(rows, "revert", here.cost("backfill_revert", *run, "--noinput")),
        ]
    )


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
    return parser.parse_args(words)

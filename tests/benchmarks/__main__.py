"""Measure, and say of each figure whether it keeps the bar: `make bench`, or ARGS="apply" for one.

`scale` is apart: it takes long, and says what each command takes.
"""

import json
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import LiteralString

from lago_python_client.client import Client
from lago_python_client.models import Customer, Subscription

from rehearsal.lago import SANDBOX_KEY
from tests.benchmarks import scale
from tests.benchmarks.stage import Outcome, Stage, beside, stage

LATENCY_MS = 50
CONCURRENCY = 8
WORKERS, ROWS_PER_WORKER = (1, 2, 4), 2_000  # long enough that its ends hardly count
# The seconds from the first row that is done to the last.
WORK: dict[str, LiteralString] = {
    "import": "SELECT extract(epoch FROM max(settled_at) - min(settled_at)) FROM customers_backfillrow",
    "revert": "SELECT extract(epoch FROM max(settled_at) - min(settled_at)) FROM customers_backfillstep",
}


@dataclass(frozen=True, slots=True)
class Figure:
    name: str
    value: float
    unit: str
    bar: str
    kept: bool


def apply_and_revert() -> Iterator[Figure]:
    """Compare an import and its revert with the time that their calls need at the least."""
    with stage(latency_ms=LATENCY_MS) as here:
        rows = 1_000
        path = str(here.file(rows, "A"))
        imported = here.manage("backfill_customers", "--input", path, "--concurrency", str(CONCURRENCY))
        calls = _calls(here)
        ideal = calls * LATENCY_MS / 1000 / CONCURRENCY
        yield _at_least("apply, of the ideal", 100 * ideal / imported.document["seconds"], "%", 90)
        yield _at_most("Lago calls per new row", calls / rows, "calls", 2.1)
        ours = imported.document["seconds"] / rows
        yield _at_least("against the official client, row by row", _plain_loop(here, 100) / ours, "times", 7)
        _forget_calls(here)
        undone = here.manage("backfill_revert", "--run-id", imported.document["run_id"], "--noinput")
        ideal = _calls(here) * LATENCY_MS / 1000 / CONCURRENCY
        yield _at_least("revert, of the ideal", 100 * ideal / undone.document["seconds"], "%", 90)


def beside_platform() -> Iterator[Figure]:
    """Compare import and revert with SteVe alone and with the platform too; nobody waits for its sync."""
    rows = 1_000
    for platform, where in ((False, "with SteVe"), (True, "with SteVe and the platform")):
        with stage(latency_ms=LATENCY_MS) as alone, beside(alone, platform=platform) as here:
            path, concurrency = str(here.file(rows, "B")), ("--concurrency", str(CONCURRENCY))
            imported = here.manage("backfill_customers", "--input", path, *concurrency, "--no-wait")
            yield _share_of_ideal(f"apply {where}", here, imported)
            _forget_calls(here)
            run_id = imported.document["run_id"]
            undone = here.manage("backfill_revert", "--run-id", run_id, "--noinput", "--no-wait")
            yield _share_of_ideal(f"revert {where}", here, undone)


def _share_of_ideal(name: str, here: Stage, outcome: Outcome) -> Figure:
    """Say how much of its time a command could not have done without: that of its calls to Lago."""
    ideal = _calls(here) * LATENCY_MS / 1000 / CONCURRENCY
    return _at_least(f"{name}, of the ideal", 100 * ideal / outcome.document["seconds"], "%", 90)


def _plain_loop(here: Stage, rows: int) -> float:
    """Give the seconds per row of what an operator would write with Lago's own client."""
    client = Client(api_key=SANDBOX_KEY, api_url=here.variables["LAGO_API_URL"])
    began = time.monotonic()
    for number in range(rows):
        key = f"plain-{number}"
        client.customers.create(Customer(external_id=key, name="A name", email=f"{key}@example.com"))
        client.subscriptions.create(
            Subscription(
                external_customer_id=key,
                external_id=key,
                plan_code="standard",
                subscription_at="2024-01-01T00:00:00Z",
            )
        )
    return (time.monotonic() - began) / rows


def dry_runs() -> Iterator[Figure]:
    """Plan large files against an empty database."""
    with stage(latency_ms=0) as here:
        for rows, bar_s in ((10_000, 5), (100_000, 50)):
            planned = here.manage("backfill_customers", "--input", str(here.file(rows, "D")), "--dry-run")
            yield _at_most(f"dry-run of {rows:,} rows", planned.wall_s, "s", bar_s)
        yield _at_most("its resident memory", planned.max_rss_mb, "MB", 400)


def mapped() -> Iterator[Figure]:
    """Plan an export through a mapping, and the same rows in our own columns."""
    rows = 100_000
    with stage(latency_ms=0) as here:
        export, mapping, ours = here.export(rows)
        plain = here.manage("backfill_customers", "--input", str(ours), "--dry-run")
        through = here.manage(
            "backfill_customers", "--input", str(export), "--mapping", str(mapping), "--dry-run"
        )
        if through.document["counts"] != plain.document["counts"]:
            raise RuntimeError("the mapping does not plan what our columns plan")
        more = 100 * (through.wall_s / plain.wall_s - 1)
        yield _at_most(f"time of {rows:,} rows through a mapping", more, "% more", 25)
        more = 100 * (through.max_rss_mb / plain.max_rss_mb - 1)
        yield _at_most("its resident memory", more, "% more", 25)


def long_run() -> Iterator[Figure]:
    """Compare the first thousand rows of a long run with the last."""
    with stage(latency_ms=0) as here:
        imported = here.manage("backfill_customers", "--input", str(here.file(20_000, "L")))
        seconds = _seconds_per_thousand(imported.document["log"])
        yield _at_most(
            "last thousand of 20,000 against the first", 100 * (seconds[-1] / seconds[0] - 1), "% more", 15
        )


def _seconds_per_thousand(log: str) -> list[float]:
    """Read from the log, whose stamps are whole seconds, how long each quarter took, per thousand rows."""
    with open(log, encoding="utf-8") as lines:  # noqa: PTH123
        stamps = [
            time.mktime(time.strptime(line[:19], "%Y-%m-%dT%H:%M:%S")) for line in lines if " line=" in line
        ]
    edges = [stamps[0], *stamps[4_999::5_000]]
    return [(end - begin) / 5 for begin, end in pairwise(edges)]


def again() -> Iterator[Figure]:
    """Run a finished file again."""
    with stage(latency_ms=0) as here:
        path = str(here.file(10_000, "S"))
        here.manage("backfill_customers", "--input", path)
        repeated = here.manage("backfill_customers", "--input", path, "--skip-existing")
        yield _at_most("finished 10,000 rows again, --skip-existing", repeated.wall_s, "s", 10)


def correcting() -> Iterator[Figure]:
    """Correct a cell of a preview as large as the admin takes."""
    with stage(latency_ms=0) as here:
        took = here.correct(here.file(50_000, "K"))
        yield _at_most("a cell of 50,000 previewed rows corrected", took["correct_s"], "s", 2)
        yield _at_most("… and the page after it", took["page_s"], "s", 1)


def many_workers() -> Iterator[Figure]:
    """Import and revert with one, two and four workers, each as many rows: Lago is slow, and then quick."""
    speeds = {number: _by_workers(number, LATENCY_MS) for number in WORKERS}
    for number, bar in ((2, 1.9), (4, 3.6)):
        for what in WORK:
            name = f"{what} by {number} workers, Lago at {LATENCY_MS} ms, against one"
            yield _at_least(name, speeds[number][what] / speeds[1][what], "times", bar)
    for number in WORKERS:
        told = _by_workers(number, 0)
        for what in WORK:
            name = f"{what} by {number} workers, Lago at 0 ms"
            yield Figure(name, told[what], "rows/s", "no bar", kept=True)
        yield Figure("… of a processor, by the stand-in for Lago", told["share"], "%", "no bar", kept=True)


def _by_workers(number: int, latency_ms: int) -> Mapping[str, float]:
    """Return the rows a second, from the first that is settled on, and the stand-in's share of a CPU."""
    with stage(latency_ms=latency_ms, BACKFILL_CONCURRENCY="4") as here, here.workers(number):
        path, rows = str(here.file(ROWS_PER_WORKER * number, "W")), ROWS_PER_WORKER * number
        before, began = here.lago_cpu_s(), time.monotonic()
        imported = here.manage("backfill_customers", "--input", path, "--workers")
        here.manage("backfill_revert", "--run-id", imported.document["run_id"], "--workers", "--noinput")
        share = 100 * (here.lago_cpu_s() - before) / (time.monotonic() - began)
        return {what: rows / here.ask(seconds) for what, seconds in WORK.items()} | {"share": share}


def _calls(here: Stage) -> int:
    with urllib.request.urlopen(f"{here.variables['LAGO_API_URL']}/sandbox/requests") as reply:
        return int(json.load(reply)["total"])


def _forget_calls(here: Stage) -> None:
    url = f"{here.variables['LAGO_API_URL']}/sandbox/requests/reset"
    with urllib.request.urlopen(urllib.request.Request(url, method="POST", data=b"{}")):
        pass


def _at_least(name: str, value: float, unit: str, bar: float) -> Figure:
    return Figure(name, value, unit, f"at least {bar:g}", value >= bar)


def _at_most(name: str, value: float, unit: str, bar: float) -> Figure:
    return Figure(name, value, unit, f"at most {bar:g}", value <= bar)


MEASUREMENTS: dict[str, Callable[[], Iterator[Figure]]] = {
    "apply": apply_and_revert,
    "beside": beside_platform,
    "dry-run": dry_runs,
    "mapped": mapped,
    "long-run": long_run,
    "again": again,
    "correcting": correcting,
    "workers": many_workers,
}


def main(names: list[str]) -> int:
    if names[:1] == ["scale"]:
        return scale.main(names[1:])
    kept = True
    for name in names or MEASUREMENTS:
        for figure in MEASUREMENTS[name]():
            kept = kept and figure.kept
            mark = "kept" if figure.kept else "NOT KEPT"
            print(f"{figure.name:45} {figure.value:8.1f} {figure.unit:7} {figure.bar:14} {mark}", flush=True)
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

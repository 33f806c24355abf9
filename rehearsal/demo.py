"""A whole migration rehearsed on one machine: `make demo`, or `make demo DO="backfill_runs"` to look around.

It brings its own database and its own Lago and reads no `.env`, so it cannot touch a real one. Both keep
their state in `.data/demo`, so that a second rehearsal finds everything imported. `make demo BESIDE=platform`
has a SteVe and a Polaris Express too, and all of that is forgotten.
"""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from polaris_backfill import embedded, environment, startup
from polaris_backfill.embedded_place import data_folder
from rehearsal import beside
from rehearsal.lago import Sandbox

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT / ".data" / "demo"
DEFECTS = "examples/customers-with-defects.csv"
CUSTOMERS = "examples/customers.csv"
BESIDE, PLATFORM = "--beside", "platform"
GRACE_S = 60  # for a command to finish and record what is in flight

NEXT = """
That was a migration, rehearsed with a database and a Lago of its own. What you can do with it now:

  make demo                                                  again: everything is already imported
  make demo DO="backfill_runs"                               all runs so far
  make demo DO="backfill_reconcile --run-id {run_id}"
                                                             file, database and Lago compared
  make demo DO="backfill_revert --run-id {run_id} --dry-run"
                                                             what taking it back would remove
  make demo DO="createsuperuser"                             a login for the admin pages
  make demo BESIDE=platform                                  the same beside a Polaris Express
  make run                                                   the admin pages, with a login
  make shell                                                 all of it yourself, with docs/runbook.md
  make clean                                                 forget all of it

The database is in {database}, Lago and run logs are in .data/demo.
To point it at your own Lago: .env.example, and docs/."""


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """Commands of this project against a database and a Lago of the demo's own."""

    variables: Mapping[str, str]

    def show(self, *arguments: str, expected: int = 0) -> None:
        """Run a command as a person would see it; end everything if it does not end as expected."""
        print(f"\n$ python manage.py {' '.join(arguments)}", flush=True)
        code = self.run(*arguments)
        if code != expected:
            sys.exit(code or 1)

    def ask(self, *arguments: str) -> Any:
        """Return what a command says as JSON."""
        command = [sys.executable, "manage.py", *arguments, "--format", "json"]
        return json.loads(subprocess.check_output(command, cwd=ROOT, env=self.variables))  # noqa: S603 ours

    def run(self, *arguments: str) -> int:
        """Run a command to its end, whatever happens to us meanwhile; return its exit code."""
        command = [sys.executable, "manage.py", *arguments]
        with subprocess.Popen(command, cwd=ROOT, env=self.variables) as process:  # noqa: S603 ours
            try:
                return process.wait()
            except SystemExit:  # a signal to us alone; Ctrl-C at a terminal reaches the command by itself
                process.terminate()
                raise
            finally:
                _see_off(process)


def _see_off(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(GRACE_S)
    except subprocess.TimeoutExpired:
        process.kill()


@contextmanager
def rehearsal() -> Iterator[Rehearsal]:
    """Start PostgreSQL and the Lago sandbox, and stop them whichever way it ends."""
    DATA.mkdir(parents=True, exist_ok=True)
    with Sandbox(state_file=DATA / "lago.json", on_a_quiet_day=True) as lago:
        yield Rehearsal(
            {
                **environment.without_ours(ROOT / ".env.example"),
                "ENV_FILE": "",
                "DEBUG": "1",
                "DATABASE_URL": embedded.database_url(DATA / "postgres"),
                "LAGO_API_URL": lago.url,
                "LAGO_API_KEY": lago.key,
                "BACKFILL_LOG_DIR": str(DATA / "backfill"),
                "BACKFILL_LAGO_RATE": "0",  # nobody else uses this Lago
                "EMAIL_FROM": "Polaris <no-reply@example.com>",  # mail is printed and goes nowhere
            }
        )


@contextmanager
def beside_platform() -> Iterator[Rehearsal]:
    with beside.world() as variables:
        yield Rehearsal(variables)


def tell(demo: Rehearsal) -> None:
    """Tell the story, and what can be done with what it leaves behind."""
    tell_story(demo)
    database = data_folder(DATA / "postgres")  # root's is elsewhere
    near = database.relative_to(ROOT) if database.is_relative_to(ROOT) else database
    print(NEXT.format(run_id=_newest_import(demo), database=near))


def tell_beside(demo: Rehearsal) -> None:
    """Tell the story, and what the platform's sync has made of it."""
    tell_story(demo)
    print(beside.look(demo.variables), flush=True)
    print(beside.NEXT)


def tell_story(demo: Rehearsal) -> None:
    """Show a file with defects being refused, then a good one previewed and imported."""
    print("A file with defects is refused, row by row, and nothing is written:", flush=True)
    demo.show("backfill_customers", "--input", DEFECTS, "--dry-run", expected=1)
    print("\nA good file is previewed, and what is imported already is left alone:", flush=True)
    demo.show("backfill_customers", "--input", CUSTOMERS, "--skip-existing", "--dry-run")
    print("\nThen it is imported:", flush=True)
    demo.show("backfill_customers", "--input", CUSTOMERS, "--skip-existing")


def _newest_import(demo: Rehearsal) -> str:
    """Name the last run that made something; those after it found everything imported."""
    runs = demo.ask("backfill_runs")["runs"]
    return str(next((run["run_id"] for run in runs if run["counts"]["created"]), runs[0]["run_id"]))


def main(arguments: Sequence[str]) -> None:
    """Tell the story, or run a command; after `--beside platform`, beside a Polaris Express."""
    begin, story = rehearsal, tell
    if arguments[:1] == [BESIDE]:
        if arguments[1:2] != [PLATFORM]:
            sys.exit(f"BESIDE can be {PLATFORM}, and nothing else.")
        arguments, begin, story = arguments[2:], beside_platform, tell_beside
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _leave)
    try:
        with startup.refusals_in_one_line(), begin() as demo:
            if demo.run("migrate", "--verbosity", "0"):
                sys.exit(1)
            if arguments:
                sys.exit(demo.run(*arguments))
            story(demo)
    except KeyboardInterrupt:
        sys.exit(130)


def _leave(number: int, frame: object) -> NoReturn:
    sys.exit(128 + number)


if __name__ == "__main__":
    main(sys.argv[1:])

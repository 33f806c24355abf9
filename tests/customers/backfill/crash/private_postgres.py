"""A PostgreSQL of a test's own, which can be restarted without hurting any other.

It is kept by a process of its own (this module, run), with which it ends.
"""

import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

from polaris_backfill import embedded
from tests.polaris_backfill.processes import ROOT


class PrivatePostgres:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.url = ""

    def __enter__(self) -> Self:
        self._keeper = subprocess.Popen(
            [sys.executable, "-m", "tests.customers.backfill.crash.private_postgres", str(self._folder)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.url = self._answer()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._keeper.communicate()
        embedded.forget(self._folder)

    def restart(self) -> None:
        """Stop it as an administrator does, which ends all sessions, and start it again."""
        assert self._keeper.stdin is not None
        self._keeper.stdin.write("restart\n")
        self._keeper.stdin.flush()
        self._answer()

    def _answer(self) -> str:
        assert self._keeper.stdout is not None
        return self._keeper.stdout.readline().strip()


def keep(folder: Path) -> None:
    print(embedded.database_url(folder), flush=True)
    for _ in sys.stdin:
        embedded.stop(folder)
        embedded.database_url(folder)
        print("restarted", flush=True)


if __name__ == "__main__":
    keep(Path(sys.argv[1]))

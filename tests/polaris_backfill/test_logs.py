"""What a real web server logs of a request: no magic link, and no traceback of a refusal."""

import logging
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests
from django.core.exceptions import DisallowedHost, PermissionDenied
from django.db import connection
from django.test import Client, RequestFactory

from customers.models import WelcomeMail
from customers.sign_in import links
from polaris_backfill.logs import DiscreetRequests
from tests.customers.admin.world import client_of, member_of_staff
from tests.customers.imported_runs import make_customer
from tests.polaris_backfill.processes import ROOT
from tests.support.processes import environment, wait_for

TOKEN = "12.AAAAAWb8-kQ_secret"
PATH = f"/sign-in/link/{TOKEN}/"
WHEN = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
ACCESS_LOG = '%(r)s "%(f)s"'  # the request line and where it came from


class Server:
    """A gunicorn of the test's own, with its access log switched on."""

    def __init__(self, url: str, output: Path) -> None:
        self.url, self._output = url, output

    @property
    def log(self) -> str:
        return self._output.read_text()

    def answers(self) -> bool:
        try:
            return bool(requests.get(f"{self.url}/healthz", timeout=5).ok)
        except requests.ConnectionError:
            return False


@contextmanager
def gunicorn(folder: Path, **variables: str) -> Iterator[Server]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    output = folder / "web.log"
    command = [
        sys.executable, "-m", "gunicorn", "polaris_backfill.wsgi", "--bind", f"127.0.0.1:{port}",
        "--workers", "1", "--worker-tmp-dir", str(folder), "--log-level", "debug",
        "--access-logfile", "-", "--access-logformat", ACCESS_LOG,
    ]  # fmt: skip
    with output.open("w") as file:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment(**variables), stdout=file, stderr=file, start_new_session=True
        )
        server = Server(f"http://127.0.0.1:{port}", output)
        try:
            wait_for(server.answers)
            yield server
            process.terminate()
            process.wait(20)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


@pytest.fixture
def server(database_url: str, tmp_path: Path) -> Iterator[Server]:
    with gunicorn(tmp_path, DATABASE_URL=database_url) as server:
        yield server


def test_a_live_link_is_in_no_log_whatever_is_asked_of_it(server: Server) -> None:
    url = links.requested_link(make_customer())
    token = url.rstrip("/").rpartition("/")[2]
    address = f"{server.url}/sign-in/link/{token}/"

    for method in ("GET", "HEAD", "OPTIONS", "PUT", "DELETE", "POST"):
        requests.request(method, address, headers={"Referer": address}, timeout=10)
    requests.post(f"{server.url}/sign-in/use/", {"token": token}, headers={"Referer": address}, timeout=10)
    requests.get(f"{server.url}/SIGN-IN/Link/{token}", timeout=10)
    requests.get(f"{server.url}/sign-in/link/{token}/more/?{token[:0]}", timeout=10)

    log = server.log
    assert links.resolve(token), "the link is not live: it proves nothing"
    assert token not in log
    for expected in (
        "Method Not Allowed (OPTIONS): /sign-in/link/…/",
        "Forbidden (CSRF cookie not set.)",
        "Not Found",
    ):
        assert expected in log
    assert 'GET /sign-in/link/…/ HTTP/1.1 "http' in log


def test_a_link_is_masked_however_it_is_spelt(server: Server) -> None:
    url = links.requested_link(make_customer())
    token = url.rstrip("/").rpartition("/")[2]
    packed = f"https%3A%2F%2Fbackfill.example.com%2Fsign-in%2Flink%2F{token}%2F"
    twice = packed.replace("%", "%25")

    with socket.create_connection(("127.0.0.1", int(server.url.rpartition(":")[2]))) as raw:
        raw.sendall(f"GET /%73ign-in/lin%6B/{token}/ HTTP/1.0\r\n\r\n".encode())
        raw.settimeout(10)
        answered = raw.recv(100)
    for referer in (packed, twice):
        gateway = f"https://mail.example.org/out?u={referer}&from=mail"
        requests.get(f"{server.url}/sign-in/?next={referer}", headers={"Referer": gateway}, timeout=10)

    assert links.resolve(token), "the link is not live: it proves nothing"
    assert b" 200 " in answered
    assert token not in server.log
    assert "GET /%73ign-in/lin%6B/…/ HTTP/1.0" in server.log


def test_a_request_that_breaks_is_logged_with_its_traceback_and_without_the_link(
    database_url: str, tmp_path: Path
) -> None:
    with connection.cursor() as cursor:
        others = ", ".join(
            field.column for field in WelcomeMail._meta.concrete_fields if field.column != "id"
        )
        cursor.execute(
            "ALTER TABLE customers_welcomemail RENAME TO elsewhere; CREATE VIEW customers_welcomemail AS"
            f" SELECT ARRAY[id] AS id, {others} FROM elsewhere"  # as a query of ours that is wrong
        )
    try:
        with gunicorn(tmp_path, DATABASE_URL=database_url, DEBUG="1") as server:
            answer = requests.get(f"{server.url}{PATH}", timeout=10)
            log = server.log
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP VIEW customers_welcomemail")
            cursor.execute("ALTER TABLE elsewhere RENAME TO customers_welcomemail")

    assert answer.status_code == 500
    assert "Internal Server Error: /sign-in/link/…/" in log
    assert "Traceback" in log
    assert "operator does not exist" in log
    assert TOKEN not in log


def test_refusals_are_a_line_each(server: Server) -> None:
    browser = client_of(member_of_staff())
    cookies = {"sessionid": browser.cookies["sessionid"].value}

    for _ in range(20):
        requests.get(f"{server.url}/admin/customers/user/", cookies=cookies, timeout=10)
        requests.get(f"{server.url}/healthz", headers={"Host": "evil.example"}, timeout=10)

    denied = re.findall(
        rf"^{WHEN} WARNING Forbidden \(Permission denied\): /admin/customers/user/$", server.log, re.MULTILINE
    )
    hosts = re.findall(
        rf"^{WHEN} ERROR Invalid HTTP_HOST header: 'evil\.example'\..*$", server.log, re.MULTILINE
    )
    assert len(denied) == 20
    assert len(hosts) >= 20
    assert "Traceback" not in server.log


# --- The filter by itself ----------------------------------------------------------------------------


def record(message: str, *args: object, error: Exception | None = None, **extra: object) -> logging.LogRecord:
    exc_info = (type(error), error, error.__traceback__) if error else None
    made = logging.LogRecord("any", logging.WARNING, __file__, 1, message, args, exc_info)
    vars(made).update(extra)
    assert DiscreetRequests().filter(made)
    return made


def shown(made: logging.LogRecord) -> str:
    return logging.Formatter().format(made)


@pytest.mark.parametrize(
    ("message", "args"),
    [
        (f"GET {PATH}", ()),
        ("%s: %s", ("Gone", PATH)),
        ("%(r)s", ({"r": f"GET {PATH} HTTP/1.1"},)),
        ("%(r)s %(f)s", ({"r": "GET /", "f": f"https://my.example.com{PATH}?x=1"},)),
        ("%s", (f'"{PATH[:-1]}"',)),
        ("%s", (PATH.upper(),)),
        ("%s", (PATH.replace("/link/", "/link//"),)),
        ("%d %s %s", (1, PATH, PATH)),
    ],
)
def test_a_link_is_masked_wherever_in_the_message_it_stands(message: str, args: tuple[object, ...]) -> None:
    line = shown(record(message, *args))

    assert TOKEN.upper() not in line.upper()
    assert "…" in line


def test_a_link_is_masked_in_a_traceback() -> None:
    line = shown(record("It broke", error=ValueError(f"no such page: {PATH}")))

    assert TOKEN not in line
    assert "ValueError: no such page: /sign-in/link/…" in line


def test_a_traceback_of_something_that_broke_is_kept() -> None:
    made = record("%s", "/admin/", error=ValueError("a bug"), status_code=500)

    assert made.exc_info
    assert "ValueError: a bug" in shown(made)


@pytest.mark.parametrize(
    ("error", "status"), [(PermissionDenied(), 403), (DisallowedHost("Invalid\nhost"), 400)]
)
def test_a_refusal_is_one_line(error: Exception, status: int) -> None:
    line = shown(record(str(error) or "Forbidden", error=error, status_code=status))

    assert "\n" not in line
    assert "Traceback" not in line


@pytest.mark.parametrize(("path", "kept"), [(PATH, False), ("/admin/", True)])
def test_a_collector_gets_no_request_whose_address_holds_a_link(path: str, kept: bool) -> None:
    assert hasattr(record("x", request=RequestFactory().get(path)), "request") is kept


def test_what_has_nothing_to_hide_is_left_as_it_is() -> None:
    made = record("%s of %s", 1, 2)

    assert (made.msg, made.args) == ("%s of %s", (1, 2))


@pytest.mark.parametrize("host", ["elsewhere.example", "a b", ""])
def test_a_foreign_host_costs_a_page_and_a_line(
    client: Client, caplog: pytest.LogCaptureFixture, host: str
) -> None:
    answer = client.get("/sign-in/", headers={"host": host})

    (told,) = (one for one in caplog.records if one.name.startswith("django."))
    assert answer.status_code == 400
    assert "Invalid HTTP_HOST header" in told.getMessage()
    assert (told.exc_info, told.exc_text) == (None, None)

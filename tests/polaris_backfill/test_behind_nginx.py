"""The pages at a port of their own, behind a real nginx with TLS, set up as the handbook says."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from django.conf.global_settings import PASSWORD_HASHERS
from playwright.sync_api import Browser, Page, expect

from customers.models import User
from rehearsal.lago import Sandbox
from tests.customers.factories import csv_text, rows
from tests.polaris_backfill.nginx import Ports, free_ports, gunicorn, nginx
from tests.polaris_backfill.processes import PRODUCTION
from tests.support.browser import DESKTOP, PHONE, chromium

PASSWORD = "correct-horse-battery"
LONG_MS = 60_000
PATIENCE_S = 30


@pytest.fixture
def lago(tmp_path: Path) -> Iterator[Sandbox]:
    with Sandbox(on_a_quiet_day=True) as sandbox:
        yield sandbox


@pytest.fixture
def ports() -> Ports:
    return free_ports()


@pytest.fixture
def host() -> str:
    """What nginx is told to send as Host; the handbook's."""
    return "$host"


@pytest.fixture
def allowed(ports: Ports) -> str:
    return f"127.0.0.1:{ports.https}"


@pytest.fixture
def site(
    database_url: str, lago: Sandbox, ports: Ports, host: str, allowed: str, tmp_path: Path, settings: Any
) -> Iterator[str]:
    """The origin of the pages, as a browser knows it."""
    settings.PASSWORD_HASHERS = PASSWORD_HASHERS  # the server is not one of the tests
    User.objects.create_superuser("root@operator.example", PASSWORD)
    variables = {
        **PRODUCTION, "DATABASE_URL": database_url, "ALLOWED_HOSTS": allowed, "TRUSTED_PROXY_COUNT": "1",
        "LAGO_API_URL": lago.url, "LAGO_API_KEY": lago.key, "BACKFILL_LAGO_RATE": "0",
        "BACKFILL_LOG_DIR": str(tmp_path),
    }  # fmt: skip
    with gunicorn(tmp_path, ports, variables), nginx(tmp_path, ports, host):
        yield f"https://127.0.0.1:{ports.https}"


@pytest.fixture
def session(site: str, tmp_path: Path) -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False  # a proxy or certificates of the machine would come before ours
        session.verify = str(tmp_path / "backfill.pem")
        yield session


@pytest.fixture
def browser(site: str) -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.mark.browser
@pytest.mark.parametrize("host", ["$host", pytest.param("$http_host", marks=pytest.mark.matrix)])
def test_the_forms_of_the_console_work_at_a_port_of_its_own(browser: Browser, site: str) -> None:
    page = browser.new_page(viewport=DESKTOP, ignore_https_errors=True)  # type: ignore[arg-type]

    page.goto(f"{site}/admin/customers/backfillrun/import/")
    page.get_by_label("Email").fill("root@operator.example")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    upload(page)
    expect(page.get_by_role("heading", name="Row by row")).to_be_visible(timeout=LONG_MS)
    assert page.url.startswith(f"{site}/admin/customers/backfillrun/import/")
    page.get_by_role("button", name=re.compile("Import 6,000 rows")).click()
    expect(page.locator("#live .pb-tag")).to_have_text("queued", timeout=LONG_MS)
    assert page.url.startswith(f"{site}/admin/customers/backfillrun/")


@pytest.mark.browser
@pytest.mark.parametrize("host", ["$host", "$http_host"])
@pytest.mark.matrix
def test_the_form_of_customers_works_at_a_port_of_its_own(browser: Browser, site: str) -> None:
    page = browser.new_page(viewport=PHONE, ignore_https_errors=True)  # type: ignore[arg-type]

    page.goto(f"{site}/sign-in/")
    page.get_by_label("Email address").fill("erika@example.com")
    page.get_by_role("button", name="Send me a link").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("Look into your inbox")
    assert page.url == f"{site}/sign-in/sent/"


def upload(page: Page) -> None:
    """Send a file that nginx would refuse if nobody had told it of files."""
    content = csv_text(rows(6_000, display_name="x" * 200)).encode()
    assert len(content) > 1024 * 1024
    file: Any = {"name": "customers.csv", "mimeType": "text/csv", "buffer": content}
    page.locator("input[type=file]").set_input_files(file)
    page.get_by_role("button", name="Preview").click()


@pytest.mark.parametrize("host", ["$host", "$http_host"])
def test_who_comes_by_http_is_led_to_the_port_of_https(
    session: requests.Session, site: str, ports: Ports
) -> None:
    answer = session.get(
        f"http://127.0.0.1:{ports.http}/sign-in/?a=b", allow_redirects=False, timeout=PATIENCE_S
    )

    assert (answer.status_code, answer.headers["Location"]) == (301, f"{site}/sign-in/?a=b")


@pytest.mark.parametrize("path", ["/", "/account/", "/admin/", "/admin/customers/customer", "/sign-in"])
@pytest.mark.matrix
def test_other_redirects_stay_at_the_port_they_came_by(
    session: requests.Session, site: str, path: str
) -> None:
    answer = session.get(f"{site}{path}", timeout=PATIENCE_S)

    assert answer.history
    assert answer.status_code == 200
    assert answer.url.startswith(f"{site}/")


@pytest.mark.parametrize(("origin", "is_taken"), [("own", True), ("another port", False)])
def test_a_form_is_taken_from_the_port_that_is_named_and_from_no_other(
    session: requests.Session, site: str, ports: Ports, origin: str, is_taken: bool
) -> None:
    form = session.get(f"{site}/sign-in/", timeout=PATIENCE_S).text
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', form)
    assert token
    origins = {"own": site, "another port": f"https://127.0.0.1:{ports.http}"}

    answer = session.post(
        f"{site}/sign-in/", {"email": "erika@example.com", "csrfmiddlewaretoken": token[1]},
        headers={"Origin": origins[origin]}, allow_redirects=False, timeout=PATIENCE_S,
    )  # fmt: skip

    assert (answer.status_code == 302) is is_taken
    assert (answer.headers.get("Location") == "/sign-in/sent/") is is_taken


def test_neither_door_keeps_a_list_of_who_opened_which_link(
    session: requests.Session, site: str, ports: Ports, tmp_path: Path
) -> None:
    for door in (f"http://127.0.0.1:{ports.http}", site):
        session.get(f"{door}/sign-in/link/12.secret/", allow_redirects=False, timeout=PATIENCE_S)

    written = [
        path.name for path in tmp_path.iterdir() if path.is_file() and b"12.secret" in path.read_bytes()
    ]
    assert written == []
    assert (tmp_path / "access.log").read_text() == ""


def test_what_strangers_write_gets_nowhere_and_a_file_that_is_too_large_is_refused_by_nginx(
    session: requests.Session, site: str, ports: Ports, tmp_path: Path
) -> None:
    plain = f"http://127.0.0.1:{ports.http}"

    lied = session.get(
        f"{plain}/sign-in/", headers={"X-Forwarded-Proto": "https"}, allow_redirects=False, timeout=PATIENCE_S
    )
    foreign = session.get(f"{site}/sign-in/", headers={"Host": "evil.example"}, timeout=PATIENCE_S)
    open_to_all = session.get(f"{site}/metrics", headers={"Authorization": "Bearer "}, timeout=PATIENCE_S)
    large = session.post(
        f"{site}/sign-in/", headers={"Content-Length": str(22 * 2**20)}, data=b"", timeout=PATIENCE_S
    )

    assert (lied.status_code, lied.headers["Location"]) == (301, f"{site}/sign-in/")
    assert foreign.status_code == 400
    assert open_to_all.status_code == 404
    assert large.status_code == 413
    assert "nginx" in large.text

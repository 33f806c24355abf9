"""The pages behind a real Caddy, set up as the handbook says; where there is one (apt install caddy)."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.polaris_backfill.nginx import free_ports, gunicorn, make_certificate, started
from tests.polaris_backfill.processes import PRODUCTION, ROOT
from tests.support.programs import needed

pytestmark = pytest.mark.matrix
PATIENCE_S = 30
AROUND = (
    "{{\n\tadmin off\n\tauto_https disable_redirects\n\tdefault_sni 127.0.0.1\n\thttp_port {http}\n}}\n{site}"
)


@pytest.fixture(params=["Caddyfile", "compose.Caddyfile"])
def site(request: pytest.FixtureRequest, database_url: str, tmp_path: Path) -> Iterator[str]:
    caddy, ports = needed("caddy", "caddy"), free_ports()
    make_certificate(tmp_path)
    text = (ROOT / "deploy" / str(request.param)).read_text()
    tls = f"\ttls {tmp_path}/backfill.pem {tmp_path}/backfill.key\n"
    for pattern, ours in {
        r"^(backfill\.example\.com|\{\$SITE\}) \{\n": f"https://127.0.0.1:{ports.https} {{\n{tls}",
        r"(127\.0\.0\.1|web):8000": f"127.0.0.1:{ports.behind}",
    }.items():
        text, changed = re.subn(pattern, lambda _, ours=ours: ours, text, flags=re.MULTILINE)
        assert changed == 1, pattern
    (tmp_path / "Caddyfile").write_text(AROUND.format(http=ports.http, site=text))
    variables = {**PRODUCTION, "DATABASE_URL": database_url, "ALLOWED_HOSTS": f"127.0.0.1:{ports.https}"}
    command = (caddy, "run", "--config", str(tmp_path / "Caddyfile"), "--adapter", "caddyfile")
    env = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    with (
        gunicorn(tmp_path, ports, variables),
        started(*command, folder=tmp_path, env=env, port=ports.https),
    ):
        yield f"https://127.0.0.1:{ports.https}"


def test_pages_forms_and_files_of_20_mb_get_through_and_headers_of_a_client_do_not(
    site: str, tmp_path: Path
) -> None:
    with requests.Session() as session:
        session.trust_env, session.verify = False, str(tmp_path / "backfill.pem")
        form = session.get(f"{site}/sign-in/", headers={"X-Forwarded-Proto": "http"}, timeout=PATIENCE_S)
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', form.text)
        assert token
        said = {"email": "erika@example.com", "csrfmiddlewaretoken": token[1]}
        file = {"file": ("customers.csv", b"x" * (20 * 2**20))}
        taken = session.post(
            f"{site}/sign-in/", said, files=file, headers={"Origin": site},
            allow_redirects=False, timeout=PATIENCE_S,
        )  # fmt: skip

    assert (form.status_code, form.history) == (200, [])
    assert (taken.status_code, taken.headers["Location"]) == (302, "/sign-in/sent/")

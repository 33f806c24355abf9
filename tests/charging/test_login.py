"""Where SteVe is and how we get in."""

import base64
from pathlib import Path

import pytest

from charging import SteveClient
from charging.login import Login, normalised
from tests.billing.scripted import Scripted
from tests.charging.answers import EMPTY
from tests.charging.conftest import KEY, USERNAME, Connect

BASE = "http://host:8080/steve"


# --- The login -----------------------------------------------------------------------------------------


def test_both_logins_go_with_every_call(client: SteveClient, scripted: Scripted) -> None:
    scripted.answers(EMPTY)

    client.preflight()

    headers = scripted.asked[0].headers
    assert headers["STEVE-API-KEY"] == KEY  # up to 3.7
    assert headers["Authorization"] == "Basic " + base64.b64encode(f"{USERNAME}:{KEY}".encode()).decode()


def test_the_header_may_have_another_name(scripted: Scripted, connect: Connect) -> None:
    scripted.answers(EMPTY)

    connect(scripted.url, key_header="X-Our-Key").preflight()

    headers = scripted.asked[0].headers
    assert (headers["X-Our-Key"], "STEVE-API-KEY" in headers) == (KEY, False)


def test_a_netrc_replaces_neither(
    scripted: Scripted, connect: Connect, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login someone password else\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    scripted.answers(EMPTY)

    connect(scripted.url).preflight()

    assert base64.b64decode(scripted.asked[0].headers["Authorization"][6:]).decode() == f"{USERNAME}:{KEY}"


@pytest.mark.parametrize(
    ("given", "named"),
    [
        (("user", ""), "STEVE_API_USERNAME and STEVE_API_KEY"),
        (("us:er", "key"), "STEVE_API_USERNAME"),
        (("user", "secret\n"), "STEVE_API_KEY"),
        (("user", "secret", "no header"), "STEVE_API_KEY_HEADER"),
        (("user", "secret", "a:b"), "STEVE_API_KEY_HEADER"),
    ],
)
def test_a_login_that_cannot_be_sent_is_refused_without_showing_it(
    given: tuple[str, ...], named: str
) -> None:
    with pytest.raises(ValueError, match=named) as caught:
        Login(*given)

    assert "secret" not in str(caught.value)


# --- The address ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "more",
    [
        "",
        "/",
        "//",
        "/api",
        "/api/",
        "/api/v1",
        "/api/v1/",
        "/api/v1/ocppTags",
        "/manager",
        "/manager/home",
        "/manager/signin",
        "/websocket/CentralSystemService",
        "/websocket/CentralSystemService/TEST-1",
        "/services/CentralSystemService",
    ],
)
def test_what_was_copied_along_with_the_base_is_left_off(more: str) -> None:
    assert normalised(BASE + more) == BASE


@pytest.mark.parametrize("base", ["https://host/api/steve", "http://host/our-manager", "http://host"])
def test_a_base_that_only_looks_alike_is_kept(base: str) -> None:
    assert normalised(base) == base


@pytest.mark.parametrize(
    "base", ["http://[::1", "http://host:99999", "http:///steve", f"{BASE}?a=b", "steve", "ws://host/steve"]
)
def test_what_is_no_address_is_refused_by_its_name(base: str) -> None:
    with pytest.raises(ValueError, match="STEVE_BASE_URL"):
        normalised(base)

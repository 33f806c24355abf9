"""Signing in by links that somebody else wrote into the platform's database."""

import base64
import hashlib
import json
import secrets
from uuid import uuid4

import psycopg
import pytest
import requests

from tests.rehearsal.platform.rows import add_user, insert
from tests.rehearsal.platform.town import Town

EMAIL = "alice@example.com"


def hashed(token: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(token.encode()).digest()).decode().rstrip("=")


def mint(
    connection: psycopg.Connection, email: str = EMAIL, *, versions: str = "1.6 1.7", expires: str = "1 day"
) -> str:
    """Write a link as rows of these versions and return its token."""
    token = secrets.token_urlsafe(32)
    rows = {
        "1.6": (hashed(token), {"email": email, "attempt": 0}),
        "1.7": (f"magic-link:{hashed(token)}", {"type": "magic-link", "email": email}),
    }
    for version in versions.split():
        identifier, value = rows[version]
        connection.execute(
            "insert into verifications (id, identifier, value, expires_at)"
            " values (%s, %s, %s, now() + %s::interval)",
            [str(uuid4()), identifier, json.dumps(value), expires],
        )
    return token


def _visit(here: Town, path: str, token: str, method: str = "GET", callback: str = "/") -> requests.Response:
    query = {"token": token, "callbackURL": callback}
    url = f"{here.platform.url}{path}"
    return requests.request(method, url, params=query, allow_redirects=False, timeout=60)


def _at_once(here: Town, token: str, callback: str = "/") -> requests.Response:
    return _visit(here, "/api/auth/magic-link/verify", token, callback=callback)


def _press(here: Town, token: str) -> requests.Response:
    return _visit(here, "/auth/verify", token, "POST")


@pytest.fixture(params=["1.6", "1.7"])
def version(here: Town, request: pytest.FixtureRequest) -> str:
    here.platform.use_library(request.param)
    return str(request.param)


# --- What signs in ----------------------------------------------------------------------------------------


def test_a_link_signs_in_once_whatever_the_version(here: Town, version: str) -> None:
    user = add_user(here.database, email=EMAIL)
    token = mint(here.database)

    first, second = _at_once(here, token, "/cards"), _at_once(here, token, "/cards")

    assert (first.status_code, first.headers["Location"]) == (302, "/cards")
    assert "error=" in second.headers["Location"]
    assert here.rows("select user_id, expires_at > now() + interval '7 hours' from sessions") == [
        (user, True)
    ]
    assert here.rows("select email_verified from users") == [(True,)]


def test_the_page_with_a_button_uses_nothing_up(here: Town, version: str) -> None:
    add_user(here.database, email=EMAIL)
    token = mint(here.database)

    pages = [_visit(here, "/auth/verify", token) for _ in range(3)]
    pressed = _press(here, token)

    assert {page.status_code for page in pages} == {200}
    assert token in pages[0].text
    assert (pressed.status_code, pressed.headers["Location"]) == (302, "/")
    assert here.rows("select count(*) from sessions") == [(1,)]


def test_the_form_of_the_page_works_as_a_browser_sends_it(here: Town) -> None:
    add_user(here.database, email=EMAIL)
    form = {"token": mint(here.database), "callbackURL": "/cards"}

    pressed = requests.post(f"{here.platform.url}/auth/verify", form, allow_redirects=False, timeout=60)

    assert pressed.headers["Location"] == "/cards"


def test_the_first_use_is_remembered_by_1_6_and_the_row_is_deleted_by_1_7(here: Town, version: str) -> None:
    add_user(here.database, email=EMAIL)
    token = mint(here.database, versions=version)

    _at_once(here, token)

    left = [json.loads(value) for (value,) in here.rows("select value from verifications")]
    assert left == ([{"email": EMAIL, "attempt": 1}] if version == "1.6" else [])


def test_staff_get_in_by_a_link_too(here: Town) -> None:
    add_user(here.database, None, email=EMAIL, role="admin")

    session = _at_once(here, mint(here.database)).cookies

    assert "(admin)" in requests.get(here.platform.url, cookies=session, timeout=60).text


# --- What does not ------------------------------------------------------------------------------------------


def _error(response: requests.Response) -> str:
    return response.headers["Location"].partition("error=")[2]


def test_a_probe_tells_that_the_rows_are_understood(here: Town, version: str) -> None:
    both = _at_once(here, mint(here.database, "probe@nowhere.invalid"))
    own = _at_once(here, mint(here.database, "probe@nowhere.invalid", versions=version))

    assert (_error(both), _error(own)) == ("new_user_signup_disabled", "new_user_signup_disabled")
    assert both.headers["Location"] == "/?error=new_user_signup_disabled"


def test_a_probe_tells_that_the_rows_are_those_of_another_version(here: Town, version: str) -> None:
    other = {"1.6": "1.7", "1.7": "1.6"}[version]

    answer = _at_once(here, mint(here.database, "probe@nowhere.invalid", versions=other))

    assert _error(answer) == "INVALID_TOKEN"


def test_an_address_with_capitals_never_gets_in(here: Town, version: str) -> None:
    add_user(here.database, email="Alice@Example.COM")

    assert _error(_at_once(here, mint(here.database))) == "new_user_signup_disabled"
    assert here.rows("select * from sessions") == []


def test_a_link_that_is_over_is_no_good(here: Town, version: str) -> None:
    add_user(here.database, email=EMAIL)

    answer = _at_once(here, mint(here.database, expires="-1 minute"))

    assert _error(answer) == "EXPIRED_TOKEN"


@pytest.mark.parametrize("used", [True, False])
def test_the_button_of_a_dead_link_leads_to_the_front_page_without_a_word(
    here: Town, version: str, used: bool
) -> None:
    add_user(here.database, email=EMAIL)
    token = mint(here.database, expires="1 day" if used else "-1 minute")
    if used:
        _press(here, token)
    here.database.execute("delete from sessions")

    pressed = _press(here, token)

    assert (pressed.headers["Location"], "Set-Cookie" in pressed.headers) == ("/", False)
    assert here.rows("select * from sessions") == []


def test_a_link_of_a_deleted_user_is_dead(here: Town, version: str) -> None:
    add_user(here.database, email=EMAIL)
    token = mint(here.database)
    here.database.execute("delete from users")

    assert _error(_at_once(here, token)) == "new_user_signup_disabled"


@pytest.mark.parametrize("value", ["", "{", "[]", '{"attempt": 0}'])
def test_a_row_that_makes_no_sense_is_no_link(here: Town, value: str) -> None:
    token = "t"
    insert(
        here.database, "verifications", id="v", identifier=hashed(token), value=value, expires_at="2099-01-01"
    )

    assert _error(_at_once(here, token)) == "INVALID_TOKEN"


@pytest.mark.parametrize("callback", ["https://evil.example", "//evil.example", "/\\evil.example", ""])
def test_nobody_is_led_to_another_site(here: Town, callback: str) -> None:
    add_user(here.database, email=EMAIL)

    assert _at_once(here, mint(here.database), callback).headers["Location"] == "/"


# --- Sessions -----------------------------------------------------------------------------------------------


@pytest.fixture
def signed_in(here: Town) -> requests.Session:
    add_user(here.database, email=EMAIL)
    session = requests.Session()
    session.get(
        f"{here.platform.url}/api/auth/magic-link/verify",
        params={"token": mint(here.database), "callbackURL": "/"},
        timeout=60,
    )
    return session


def test_who_is_signed_in_sees_their_page_and_others_the_login(
    here: Town, signed_in: requests.Session
) -> None:
    ((public_id,),) = here.rows("select public_id from users")

    own = signed_in.get(here.platform.url, timeout=60)
    others = requests.get(here.platform.url, timeout=60)

    assert (public_id in own.text, own.url) == (True, f"{here.platform.url}/")
    assert others.url == f"{here.platform.url}/login"


def test_a_session_that_is_over_stays_until_the_next_visit(here: Town, signed_in: requests.Session) -> None:
    here.database.execute("update sessions set expires_at = now() - interval '1 minute'")
    here.platform.sync()
    before = here.rows("select count(*) from sessions")

    page = signed_in.get(here.platform.url, timeout=60)

    assert before == [(1,)]
    assert page.url == f"{here.platform.url}/login"
    assert here.rows("select count(*) from sessions") == [(0,)]


@pytest.mark.parametrize("cookie", ["polaris.session_token=stranger", "a,b=1", "other=1"])
def test_who_brings_some_other_cookie_is_nobody(here: Town, cookie: str) -> None:
    page = requests.get(here.platform.url, headers={"Cookie": cookie}, timeout=60)

    assert page.url == f"{here.platform.url}/login"


def test_signing_out_ends_the_session(here: Town, signed_in: requests.Session) -> None:
    signed_in.post(f"{here.platform.url}/api/auth/sign-out", timeout=60)

    assert here.rows("select count(*) from sessions") == [(0,)]

"""Logging in, as each version of SteVe wants it, and what it says to who may not."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from rehearsal.steve import SteveSandbox
from rehearsal.steve.versions import TRIED
from tests.rehearsal.steve.calls import login, told

LIST = "/steve/api/v1/ocppTags"
KEY = "steve-sandbox-key"
OLD = ("3.7",)
NEW = tuple(version for version in TRIED if version not in OLD)


@contextmanager
def steve_of(version: str) -> Iterator[SteveSandbox]:
    with SteveSandbox(version=version, charge_boxes=["TEST-1"]) as steve:
        yield steve


# --- Which login a version wants ---------------------------------------------------------------------


@pytest.mark.parametrize("version", TRIED)
def test_header_and_basic_together_work_on_all_versions(version: str) -> None:
    with steve_of(version) as steve:
        answer = told(steve, "GET", LIST, Authorization=login(steve), STEVE_API_KEY=KEY)

        assert (answer.status_code, answer.json()) == (200, [])


def test_up_to_3_7_the_key_comes_in_a_header_and_basic_is_refused() -> None:
    with steve_of("3.7") as steve:
        by_header = told(steve, "GET", LIST, STEVE_API_KEY=KEY)
        refused = told(steve, "GET", LIST, Authorization=login(steve))

    assert by_header.status_code == 200
    assert (refused.status_code, refused.json()["status"]) == (401, 401)
    assert refused.json()["message"].startswith("Full authentication is required")


def test_the_header_can_have_another_name() -> None:
    with SteveSandbox(version="3.7", key_header="X-Key") as steve:
        assert told(steve, "GET", LIST, X_Key=KEY).status_code == 200
        assert told(steve, "GET", LIST, STEVE_API_KEY=KEY).status_code == 401


@pytest.mark.parametrize("version", NEW)
def test_from_3_8_on_the_header_is_no_login(version: str) -> None:
    with steve_of(version) as steve:
        assert told(steve, "GET", LIST, STEVE_API_KEY=KEY).status_code in (302, 403)


def test_a_version_that_was_not_measured_is_refused() -> None:
    with pytest.raises(ValueError, match=r"3\.7, 3\.8"):
        SteveSandbox(version="2.0")


# --- Wrong credentials -------------------------------------------------------------------------------


@pytest.mark.parametrize("version", NEW)
@pytest.mark.parametrize(
    ("username", "password", "message"),
    [
        ("sandbox", "wrong", "Invalid password"),
        ("nobody", KEY, "The user does not exist, exists but is disabled or has API access disabled."),
    ],
)
def test_wrong_credentials_are_told_apart(version: str, username: str, password: str, message: str) -> None:
    with steve_of(version) as steve:
        refused = told(steve, "GET", LIST, Authorization=login(steve, username, password))

    assert (refused.status_code, refused.json()["status"], refused.json()["message"]) == (401, 401, message)
    assert "WWW-Authenticate" not in refused.headers


@pytest.mark.parametrize("header", ["Basic c2FuZGJveDo=", "Basic Om5vdGhpbmc=", "Basic %%%", "Basic"])
def test_half_a_login_is_refused_as_such(steve: SteveSandbox, header: str) -> None:
    refused = told(steve, "GET", LIST, Authorization=header)

    assert (refused.status_code, refused.json()["message"]) == (401, "Required parameters missing")


def test_a_key_can_be_refused_on_demand(steve: SteveSandbox) -> None:
    steve.steer("POST", "key", refuse=True)

    assert told(steve, "GET", LIST, Authorization=login(steve)).status_code == 401


def test_a_user_that_was_disabled_may_go_on_for_ten_minutes(steve: SteveSandbox) -> None:
    told(steve, "GET", LIST, Authorization=login(steve))
    steve.steer("POST", "users", username=steve.username, key=steve.key, enabled=False)
    still = told(steve, "GET", LIST, Authorization=login(steve))

    steve.steer("POST", "clock", offset_s=601)

    refused = told(steve, "GET", LIST, Authorization=login(steve))
    assert (still.status_code, refused.status_code) == (200, 401)
    assert "is disabled" in refused.json()["message"]


def test_a_user_that_is_new_is_not_known_for_ten_minutes_where_it_was_asked_for(steve: SteveSandbox) -> None:
    header = login(steve, "backfill", "secret")
    told(steve, "GET", LIST, Authorization=header)
    steve.steer("POST", "users", username="backfill", key="secret")
    early = told(steve, "GET", LIST, Authorization=header)

    steve.steer("POST", "clock", offset_s=601)

    assert (early.status_code, told(steve, "GET", LIST, Authorization=header).status_code) == (401, 200)


# --- No login ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("sent", [{}, {"Authorization": "Bearer abc"}])
@pytest.mark.parametrize(
    ("version", "status"),
    [("3.7", 401), ("3.8", 403), ("3.9", 302), ("3.12", 302), ("3.14", 302), ("3.15", 302)],
)
def test_without_a_usable_login_the_answer_tells_the_version(
    version: str, status: int, sent: dict[str, str]
) -> None:
    with steve_of(version) as steve:
        assert told(steve, "GET", LIST, **sent).status_code == status


def test_without_a_login_it_leads_to_the_sign_in_page_with_a_session(steve: SteveSandbox) -> None:
    answer = told(steve, "GET", LIST)

    assert answer.headers["Location"] == "/steve/manager/signin"
    assert "JSESSIONID" in answer.headers["Set-Cookie"]
    assert told(steve, "GET", answer.headers["Location"]).headers["Content-Type"].startswith("text/html")


def test_a_page_for_people_takes_no_login_of_the_api(steve: SteveSandbox) -> None:
    answer = told(steve, "GET", "/steve/manager/api/v1/ocppTags", Authorization=login(steve))

    assert (answer.status_code, answer.headers["Location"]) == (302, "/steve/manager/signin")


# --- Switched off ------------------------------------------------------------------------------------


def test_an_api_that_is_switched_off_is_broken_up_to_3_7() -> None:
    with steve_of("3.7") as steve:
        steve.steer("POST", "api", on=False)
        answer = told(steve, "GET", LIST, STEVE_API_KEY=KEY)

    assert (answer.status_code, "Web APIs are not exposed" in answer.text) == (500, True)
    assert answer.headers["Content-Type"].startswith("text/html")


@pytest.mark.parametrize("version", NEW)
def test_an_api_that_is_switched_off_refuses_the_login_from_3_8_on(version: str) -> None:
    with steve_of(version) as steve:
        steve.steer("POST", "api", on=False)
        off = told(steve, "GET", LIST, Authorization=login(steve))
        steve.steer("POST", "api", on=True)
        on = told(steve, "GET", LIST, Authorization=login(steve))

    assert (off.status_code, on.status_code) == (401, 200)
    assert off.json()["message"].endswith("API access disabled.")

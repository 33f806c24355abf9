"""A proxy before SteVe that gets in the way."""

from typing import Any

import pytest

from rehearsal.steve import SteveSandbox
from tests.rehearsal.steve.calls import ID_TAG, call, created, login, told

LIST = "/steve/api/v1/ocppTags"


def statuses(steve: SteveSandbox, method: str, *paths: str) -> list[int]:
    answers = [told(steve, method, path, Authorization=login(steve)) for path in paths]
    return [answer.status_code for answer in answers]


@pytest.mark.parametrize(("version", "status"), [("3.8", 403), ("3.9", 302), ("3.15", 302)])
def test_a_proxy_that_keeps_the_login_lets_nobody_in(version: str, status: int) -> None:
    with SteveSandbox(version=version) as steve:
        steve.steer("POST", "proxy", does="takes_login")

        assert statuses(steve, "GET", LIST) == [status]


def test_a_proxy_may_say_itself_that_nothing_is_there_and_nothing_is_done(steve: SteveSandbox) -> None:
    tag = created(steve)
    steve.steer("POST", "proxy", does="404")

    answer = call(steve, "DELETE", f"ocppTags/{tag['ocppTagPk']}")

    assert (answer.status_code, answer.headers["Content-Type"].split(";")[0]) == (404, "text/html")
    assert [one.id_tag for one in steve.world.tags.values()] == [ID_TAG]


def test_its_json_has_the_status_as_a_text(steve: SteveSandbox) -> None:
    steve.steer("POST", "proxy", does="404")

    answer = told(steve, "GET", LIST, Authorization=login(steve), Accept="application/json")

    assert (answer.status_code, answer.json()["status"]) == (404, "404")


def test_it_gets_hold_of_some_calls_only(steve: SteveSandbox) -> None:
    created(steve)
    steve.steer("POST", "proxy", does="404", method="get", path=".*/ocppTags/", times=2)

    one = f"{LIST}/1"

    assert statuses(steve, "PUT", one) == [500]
    assert statuses(steve, "GET", LIST, one, one, one) == [200, 404, 404, 200]


def test_it_can_be_taken_away(steve: SteveSandbox) -> None:
    steve.steer("POST", "proxy", does="takes_login")
    steve.steer("POST", "proxy")

    assert statuses(steve, "GET", LIST) == [200]


@pytest.mark.parametrize("body", [{"does": "nonsense"}, {"does": "404", "path": "("}])
def test_a_senseless_proxy_is_refused(steve: SteveSandbox, body: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="proxy"):
        steve.steer("POST", "proxy", **body)

"""The calls that prove that Lago is there."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from billing.client import LagoClient, LagoError
from billing.preflight import preflight
from tests.billing.objects import ORGANIZATION, listing, refusal
from tests.billing.scripted import Answer, Asked, Scripted

NOT_LAGO = "check LAGO_API_URL, or the proxy in between"
BERLIN = {"code": "main", "is_default": True, "timezone": "Europe/Berlin"}
LISBON = {"code": "second", "is_default": False, "timezone": "Europe/Lisbon"}
PLAN = {"lago_id": "p1", "code": "standard", "name": "Standard"}


def lago(
    entities: Answer, timezone: str | None = "Europe/Paris", health: Answer | None = None
) -> Callable[[Asked], Answer]:
    answers = {
        "/health": health or Answer(body={"version": "v1.51.0", "message": "Success"}),
        "/api/v1/organizations": Answer(body={"organization": {**ORGANIZATION, "timezone": timezone}}),
        "/api/v1/billing_entities": entities,
        "/api/v1/plans": listing("plans", [PLAN]),
    }
    return lambda asked: answers[asked.path]


def entities(*items: dict[str, object]) -> Answer:
    return Answer(body={"billing_entities": items})


def test_all_is_told_in_four_calls(client: LagoClient, scripted: Scripted) -> None:
    scripted.route = lago(entities(LISBON, BERLIN))

    target = preflight(client)

    assert (target.organization.name, target.version, target.url) == (
        "Acme Charging",
        "v1.51.0",
        scripted.url,
    )
    assert target.timezone == "Europe/Berlin"
    assert target.plans.keys() == {"standard"}
    assert client.calls == 4


@pytest.mark.parametrize(
    ("answer", "organization", "expected"),
    [
        (entities({**BERLIN, "timezone": None}), "Europe/Paris", "Europe/Paris"),
        (entities(), None, "UTC"),
        (refusal(404, "resource_not_found"), "Europe/Paris", "Europe/Paris"),
    ],
    ids=["entity without one", "nobody has one", "Lago before billing entities"],
)
def test_the_time_zone_falls_back(
    client: LagoClient, scripted: Scripted, answer: Answer, organization: str | None, expected: str
) -> None:
    scripted.route = lago(answer, organization)

    assert preflight(client).timezone == expected


def test_lagos_clock_is_ours_and_what_it_was_ahead(client: LagoClient, scripted: Scripted) -> None:
    ours = datetime(2027, 3, 1, 9, tzinfo=UTC)
    told = lago(entities())
    date = {"Date": "Mon, 01 Mar 2027 09:10:00 GMT"}
    scripted.route = lambda asked: replace(told(asked), headers=date)

    target = preflight(client, now=lambda: ours)

    assert target.ahead == timedelta(minutes=10)
    assert target.clock(ours + timedelta(hours=1)) == ours + timedelta(minutes=70)


def test_a_lago_that_does_not_tell_its_time_has_ours(client: LagoClient, scripted: Scripted) -> None:
    scripted.route = lago(entities())

    assert preflight(client).ahead == timedelta()


@pytest.mark.parametrize(
    "health",
    [
        Answer(404, {"code": "resource_not_found"}),
        Answer(200, b"<html></html>", {"Content-Type": "text/html"}),
        Answer(500, {"message": "Unhealthy"}),
        Answer(200, {"version": ["not", "text"]}),
        Answer(200, {"version": "x" * 1000}),
    ],
)
def test_a_version_that_is_not_told_is_none(client: LagoClient, scripted: Scripted, health: Answer) -> None:
    scripted.route = lago(entities(BERLIN), health=health)

    assert preflight(client).version is None


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (Answer(401, {"error": "Unauthorized"}), "Lago refused the key (401): check LAGO_API_KEY"),
        (
            Answer(200, b"<html></html>", {"Content-Type": "text/html"}),
            f"GET organizations was answered (200), but not by Lago: {NOT_LAGO}",
        ),
        (
            refusal(404, "resource_not_found"),
            f"GET organizations: Lago does not know this address (404): {NOT_LAGO}",
        ),
        (
            refusal(403, "read_action_not_allowed_for_organization"),
            "Lago refused GET organizations (403 read_action_not_allowed_for_organization)",
        ),
    ],
)
def test_what_is_wrong_is_one_clear_line(
    client: LagoClient, scripted: Scripted, answer: Answer, message: str
) -> None:
    scripted.answers(answer)

    with pytest.raises(LagoError) as caught:
        preflight(client)

    assert str(caught.value) == message


def test_a_key_that_may_not_read_the_time_zone_is_told(client: LagoClient, scripted: Scripted) -> None:
    scripted.route = lago(refusal(403, "read_action_not_allowed_for_billing_entity"))

    with pytest.raises(LagoError, match="read_action_not_allowed_for_billing_entity"):
        preflight(client)


def test_a_lago_that_goes_away_meanwhile_is_told(client: LagoClient, scripted: Scripted) -> None:
    scripted.route = lago(entities(BERLIN), health=Answer(hang_up=True))

    with pytest.raises(LagoError, match="the connection was lost"):
        preflight(client)


def test_a_lago_that_is_not_there_is_told_soon(connect: Callable[..., LagoClient], naps: list[float]) -> None:
    client = connect("http://127.0.0.1:9")

    with pytest.raises(LagoError, match=r"http://127\.0\.0\.1:9 cannot be reached"):
        preflight(client)

    assert sum(naps) <= 1

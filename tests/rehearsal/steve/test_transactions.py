"""Transactions over the REST API."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rehearsal.steve import SteveSandbox
from tests.charging.factories import charged, charging
from tests.rehearsal.steve.calls import ID_TAG, call, created, login, told

JUNE = datetime(2020, 6, 1, tzinfo=UTC)


def pks(steve: SteveSandbox, query: str) -> list[int]:
    answer = call(steve, "GET", f"transactions?{query}")
    assert answer.status_code == 200
    return [session["id"] for session in answer.json()]


@pytest.fixture
def sessions(steve: SteveSandbox) -> SteveSandbox:
    """Three sessions: 1 in June 2020, 2 twenty days ago at another box, 3 running, of another idTag."""
    steve.world.add_charge_box("TEST-2")
    steve.world.add_tag(ID_TAG, user_pk=7)
    steve.world.add_tag("OTHER")
    charged(steve, ID_TAG, started_at=JUNE)
    charged(steve, ID_TAG.lower(), started_at=datetime.now(UTC) - timedelta(days=20), charge_box="TEST-2")
    session, _ = steve.world.start("TEST-1", 2, "OTHER", 0, datetime.now(UTC))
    assert session.pk == 3
    return steve


# --- Filters -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", [3, 2, 1]),
        ("type=ALL", [3, 2, 1]),
        ("type=ACTIVE", [3]),
        ("type=STOPPED", [2, 1]),
        ("type=ACTIVE&type=STOPPED", [3]),  # a word: the first
        ("periodType=TODAY", [3]),
        ("periodType=LAST_10", [3]),
        ("periodType=LAST_30", [3, 2]),
        ("transactionPk=2", [2]),
        ("transactionPk=2,3", [3, 2]),
        ("transactionPk=2&transactionPk=3", [3, 2]),
        ("connectorId=2", [3]),
        ("chargeBoxId=TEST-9", []),
        ("chargeBoxId=test-2", [2]),
        ("chargeBoxId=TEST-1,TEST-2", [3, 2, 1]),
        ("userId=7", [2, 1]),
        ("userId=8,9", []),
        (f"ocppIdTag={ID_TAG}", [2, 1]),
        (f"ocppIdTag={ID_TAG.lower()}", [2, 1]),
        (f"ocppIdTag={ID_TAG},OTHER", [3, 2, 1]),
        (f"ocppIdTag={ID_TAG}%2C%20OTHER", [3, 2, 1]),
        (f"ocppIdTag={ID_TAG}&ocppIdTag=OTHER", [3, 2, 1]),
        ("ocppIdTag=OTHER,STRANGER", [3]),
        (f"ocppIdTag={'A' * 40}", []),
        ("ocppIdTag=", [3, 2, 1]),
        ("returnCSV=false", [3, 2, 1]),
    ],
)
def test_transactions_can_be_filtered(sessions: SteveSandbox, query: str, found: list[int]) -> None:
    assert pks(sessions, query) == found


@pytest.mark.parametrize(
    "query",
    [
        "type=OLD",
        "type=active",
        "periodType=LAST_7",
        "periodType=FROM_TO",
        "periodType=FROM_TO&from=2020-01-01T00:00:00",
        "periodType=FROM_TO&from=2020-01-02&to=2020-01-01",
        "periodType=FROM_TO&from=yesterday&to=2020-01-01",
        "periodType=FROM_TO&from=2020-01-01T00:00:00+02:00&to=2020-01-02T00:00:00+02:00",
        "periodType=FROM_TO&from=2020-01-01%2000:00:00&to=2020-01-02",
        "from=yesterday",
        "transactionPk=x",
        "transactionPk=1,x",
        "connectorId=x",
        "userId=x",
        "userId=0",
        "chargeBoxId=TEST/1",
        "chargeBoxId=TEST-1,(x)",
        "ocppIdTag=A%20B",
        f"ocppIdTag={ID_TAG},%C3%89E1,OTHER",
        f"ocppIdTag={ID_TAG},,OTHER",
        f"ocppIdTag={'A' * 41}",
        "returnCSV=true",
        "returnCSV=perhaps",
    ],
)
def test_a_filter_that_is_none_is_refused_and_one_bad_item_spoils_a_list(
    sessions: SteveSandbox, query: str
) -> None:
    answer = call(sessions, "GET", f"transactions?{query}")

    assert (answer.status_code, answer.json()["message"]) == (400, "Error understanding the request")


@pytest.mark.parametrize(
    "period",
    [
        "from=2020-06-01T00:00:00Z&to=2020-06-02T00:00:00Z",
        "from=2020-06-01T00:00:00&to=2020-06-02T00:00:00",
        "from=2020-06-01&to=2020-06-02",
        "from=2020-05-01&to=2020-06-01",
        "from=2020-06-01T02:00:00%2B02:00&to=2020-06-02T00:00:00%2B02:00",
        "from=2020-05-31T00:00:00.000Z&to=2020-06-01T00:00:00.000Z",
    ],
)
def test_both_ends_of_a_period_belong_to_it(sessions: SteveSandbox, period: str) -> None:
    assert pks(sessions, f"periodType=FROM_TO&{period}") == [1]


@pytest.mark.parametrize(
    "period",
    [
        "from=2020-06-01T00:00:00.001Z&to=2020-06-02",
        "from=2020-05-01&to=2020-05-31T23:59:59.999Z",
    ],
)
def test_what_lies_beside_a_period_does_not(sessions: SteveSandbox, period: str) -> None:
    assert pks(sessions, f"periodType=FROM_TO&{period}") == []


@pytest.mark.parametrize("period", ["TODAY", "LAST_10", "LAST_30", "LAST_90"])
def test_a_session_that_begins_on_a_future_day_is_left_out(period: str) -> None:
    midnight = datetime(2026, 3, 2, tzinfo=UTC)
    with SteveSandbox(now=lambda: midnight - timedelta(hours=1), charge_boxes=["TEST-1"]) as steve:
        steve.world.add_tag(ID_TAG)
        charging(steve, ID_TAG, started_at=midnight - timedelta(milliseconds=1))
        charging(steve, ID_TAG, started_at=midnight)

        assert pks(steve, f"periodType={period}") == [1]
        assert pks(steve, "periodType=ALL") == [2, 1]


@pytest.mark.parametrize(("version", "status"), [("3.7", 400), ("3.8", 200), ("3.15", 200)])
def test_stopped_ones_can_be_asked_for_from_3_8_on(version: str, status: int) -> None:
    with SteveSandbox(version=version) as steve:
        assert call(steve, "GET", "transactions?type=STOPPED").status_code == status


@pytest.mark.parametrize(
    ("version", "shown"), [("3.7", False), ("3.8", False), ("3.9", True), ("3.15", True)]
)
def test_the_user_is_shown_from_3_9_on(version: str, shown: bool) -> None:
    with SteveSandbox(version=version, charge_boxes=["TEST-1"]) as steve:
        steve.world.add_tag(ID_TAG, user_pk=7)
        charged(steve, ID_TAG)
        (session,) = call(steve, "GET", "transactions").json()

    assert session.get("userId") == (7 if shown else None)
    assert ("userId" in session) is shown


# --- One transaction ---------------------------------------------------------------------------------


def test_one_transaction_is_shown_with_its_meter_values(steve: SteveSandbox) -> None:
    steve.world.add_tag(ID_TAG)
    pk = charging(steve, ID_TAG, started_at=JUNE)
    steve.world.metered(pk, 1200, JUNE + timedelta(minutes=5))

    answer = call(steve, "GET", f"transactions/{pk}").json()

    assert answer["transaction"] == call(steve, "GET", "transactions").json()[0]
    assert [(v["value"], v["unit"], v["valueTimestamp"]) for v in answer["values"]] == [
        ("1200", "Wh", "2020-06-01T00:05:00.000Z")
    ]


def test_meter_values_outlive_their_session_and_show_under_another(steve: SteveSandbox) -> None:
    tag = steve.world.add_tag(ID_TAG)
    steve.world.add_tag("OTHER")
    gone = charging(steve, ID_TAG, started_at=JUNE)
    steve.world.metered(gone, 1200, JUNE + timedelta(minutes=5))
    other = charging(steve, "OTHER", started_at=JUNE)
    before = call(steve, "GET", f"transactions/{other}").json()["values"]

    call(steve, "DELETE", f"ocppTags/{tag.pk}")

    after = call(steve, "GET", f"transactions/{other}").json()["values"]
    assert (before, [value["value"] for value in after]) == ([], ["1200"])


@pytest.mark.parametrize(("method", "path"), [("GET", "transactions/9"), ("PATCH", "transactions/9/stop")])
def test_a_transaction_that_there_is_not_is_not_found(steve: SteveSandbox, method: str, path: str) -> None:
    answer = call(steve, method, path)

    assert (answer.status_code, answer.json()["status"]) == (404, 404)


def test_a_transaction_can_be_stopped_by_hand_once(steve: SteveSandbox) -> None:
    steve.world.add_tag(ID_TAG)
    pk = charging(steve, ID_TAG)
    steve.world.metered(pk, 1200, datetime.now(UTC))

    answers = [call(steve, "PATCH", f"transactions/{pk}/stop") for _ in range(2)]

    (session,) = call(steve, "GET", "transactions").json()
    assert [(answer.status_code, answer.text) for answer in answers] == [(200, "")] * 2
    assert (session["stopEventActor"], session["stopValue"]) == ("manual", "1200")


def test_a_report_is_a_table_of_the_sessions_of_a_period(sessions: SteveSandbox) -> None:
    path = "/steve/api/v1/transactions/reports/csv?from=2020-01-01&to=2020-12-31"

    answer = told(sessions, "GET", path, Authorization=login(sessions), Accept="text/csv")

    head, *rows = answer.text.splitlines()
    assert answer.headers["Content-Type"] == "text/csv"
    assert (head.split(",")[0], [row.split(",")[0] for row in rows]) == ("id", ["1"])


def test_a_report_needs_a_period(sessions: SteveSandbox) -> None:
    assert call(sessions, "GET", "transactions/reports/csv").status_code == 400


def test_a_session_keeps_the_spelling_of_the_charger(sessions: SteveSandbox) -> None:
    found: list[dict[str, Any]] = call(sessions, "GET", f"transactions?ocppIdTag={ID_TAG}").json()

    assert [(session["ocppIdTag"], session["ocppTagPk"]) for session in found] == [
        (ID_TAG.lower(), 1),
        (ID_TAG, 1),
    ]


def test_the_limit_of_an_id_tag_counts_its_running_sessions(steve: SteveSandbox) -> None:
    tag = created(steve)
    charging(steve, ID_TAG)

    shown = call(steve, "GET", f"ocppTags/{tag['ocppTagPk']}").json()

    assert (shown["inTransaction"], shown["activeTransactionCount"]) == (True, 1)

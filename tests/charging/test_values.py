"""What SteVe tells, read and written back."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from charging import SteveClient
from charging.values import OcppTag, without_zone
from tests.billing.scripted import Answer, Scripted
from tests.charging.answers import id_tag

NOON = datetime(2027, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("instant", "written"),
    [
        (NOON, "2027-03-01T12:00:00"),
        (NOON.astimezone(timezone(timedelta(hours=-7))), "2027-03-01T12:00:00"),
        (NOON.replace(microsecond=250_000), "2027-03-01T12:00:00.250"),
    ],
)
def test_an_instant_goes_out_as_utc_without_saying_so(instant: datetime, written: str) -> None:
    assert without_zone(instant) == written


@pytest.mark.parametrize(
    ("had", "sent"),
    [
        ({"note": ""}, {"note": ""}),
        ({"note": None}, {}),
        ({"note": "van"}, {"note": "van"}),
        ({"parentIdTag": "FLEET"}, {"parentIdTag": "FLEET"}),
        ({"expiryDate": "2027-03-01T12:00:00.000Z"}, {"expiryDate": "2027-03-01T12:00:00"}),
    ],
)
def test_an_update_sends_back_what_was_there(
    client: SteveClient, scripted: Scripted, had: dict[str, Any], sent: dict[str, Any]
) -> None:
    scripted.answers(Answer(200, id_tag()))

    client.update_id_tag(OcppTag.from_json(id_tag(**had)), max_active_transaction_count=0)

    assert scripted.asked[0].json == {"idTag": "A1B2C3D4", "maxActiveTransactionCount": 0, **sent}


STRANGE = [{}, {"idTag": "X"}, {**id_tag(), "ocppTagPk": None}, {**id_tag(), "idTag": None}, "text", None]


def test_what_is_no_id_tag_is_left_aside_and_the_others_are_read(
    client: SteveClient, scripted: Scripted, caplog: pytest.LogCaptureFixture
) -> None:
    scripted.answers(Answer(200, [*STRANGE, id_tag("", 7), id_tag("GOOD", 8, note=5)]))

    found = client.id_tags()

    assert {tag.id_tag: (tag.ocpp_tag_pk, tag.note) for tag in found} == {"": (7, None), "GOOD": (8, "5")}
    assert f"left aside: {len(STRANGE)}" in caplog.text


def test_children_are_found_in_any_spelling(client: SteveClient, scripted: Scripted) -> None:
    tags = [id_tag("A", 1, parentIdTag="fleet "), id_tag("B", 2, parentIdTag="OTHER"), id_tag("C", 3)]
    scripted.answers(Answer(200, tags))

    children = client.children_of("FLEET")

    assert [tag.id_tag for tag in children] == ["A"]
    assert scripted.asked[0].query == [("parentIdTag", "FLEET")]

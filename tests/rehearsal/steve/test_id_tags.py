"""IdTags over the REST API: what may be written, what is found."""

from typing import Any

import pytest

from rehearsal.steve import SteveSandbox
from tests.charging.factories import LAST_YEAR, NEXT_YEAR, charging
from tests.rehearsal.steve.calls import ID_TAG, call, created


def test_an_id_tag_exists_in_one_spelling_only(steve: SteveSandbox) -> None:
    created(steve)

    response = call(steve, "POST", "ocppTags", {"idTag": "a1b2c3d4"})

    assert (response.status_code, "exists" in response.json()["message"]) == (422, True)


@pytest.mark.parametrize(
    "form",
    [
        {"idTag": "A" * 21},
        {"idTag": "A B"},
        {"idTag": ""},
        {},
        [],
        {"idTag": ID_TAG, "expiryDate": "2020-01-01T00:00:00Z"},
    ],
)
def test_a_form_that_is_not_valid_is_refused(steve: SteveSandbox, form: Any) -> None:
    assert call(steve, "POST", "ocppTags", form).status_code == 400


def test_the_limit_is_one_where_none_is_given(steve: SteveSandbox) -> None:
    assert created(steve)["maxActiveTransactionCount"] == 1


def test_a_parent_must_exist(steve: SteveSandbox) -> None:
    assert call(steve, "POST", "ocppTags", {"idTag": ID_TAG, "parentIdTag": "FLEET"}).status_code == 422


def test_a_put_replaces_all_but_the_id_tag(steve: SteveSandbox) -> None:
    steve.world.add_tag("FLEET")
    tag = created(steve, parentIdTag="FLEET", expiryDate=NEXT_YEAR.isoformat(), note="van")

    after = call(steve, "PUT", f"ocppTags/{tag['ocppTagPk']}", {"idTag": "OTHER"}).json()

    cleared = [after[name] for name in ("parentIdTag", "parentOcppTagPk", "expiryDate", "note")]
    assert (after["idTag"], cleared) == (ID_TAG, [None] * 4)


def test_an_expired_id_tag_cannot_be_put_back_as_it_is(steve: SteveSandbox) -> None:
    tag = steve.world.add_tag(ID_TAG, expiry_date=LAST_YEAR)
    form = {"idTag": ID_TAG, "expiryDate": LAST_YEAR.isoformat()}

    assert call(steve, "PUT", f"ocppTags/{tag.pk}", form).status_code == 400


def test_a_parent_with_children_is_not_deleted(steve: SteveSandbox) -> None:
    parent = steve.world.add_tag("FLEET")
    created(steve, parentIdTag="fleet")

    assert call(steve, "DELETE", f"ocppTags/{parent.pk}").status_code == 500


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, ["FREE", "BARRED", "OLD", "CHILD"]),
        ({"idTag": "free"}, ["FREE"]),
        ({"ocppTagPk": "2"}, ["BARRED"]),
        ({"parentIdTag": "FREE"}, ["CHILD"]),
        ({"blocked": "TRUE"}, ["BARRED"]),
        ({"expired": "TRUE"}, ["OLD"]),
        ({"expired": "FALSE", "blocked": "FALSE"}, ["FREE", "CHILD"]),
        ({"inTransaction": "TRUE"}, ["CHILD"]),
        ({"note": "van"}, ["BARRED"]),
    ],
)
def test_id_tags_can_be_filtered(steve: SteveSandbox, query: dict[str, str], found: list[str]) -> None:
    steve.world.add_tag("FREE")
    steve.world.add_tag("BARRED", max_active_transaction_count=0, note="a van")
    steve.world.add_tag("OLD", expiry_date=LAST_YEAR)
    steve.world.add_tag("CHILD", parent_id_tag="FREE")
    charging(steve, "CHILD")

    answer = call(steve, "GET", "ocppTags", **query).json()

    assert [tag["idTag"] for tag in answer] == found

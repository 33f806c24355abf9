"""IdTags over the REST API: one in which spellings, whole or not, under whom, found by what."""

from typing import Any

import pytest

from rehearsal.steve import SteveSandbox
from tests.charging.factories import LAST_YEAR, NEXT_YEAR, charging
from tests.rehearsal.steve.calls import ID_TAG, call, created, told

LIST = "/steve/api/v1/ocppTags"


# --- Spellings ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("there", "given"), [(ID_TAG, "a1b2c3d4"), ("ÉE1", "EE1"), ("ABC2 ", "ABC2"), ("EE", "ee")]
)
def test_an_id_tag_exists_in_one_spelling_only(steve: SteveSandbox, there: str, given: str) -> None:
    steve.world.add_tag(there)

    response = call(steve, "POST", "ocppTags", {"idTag": given})

    assert (response.status_code, "exists" in response.json()["message"]) == (422, True)


@pytest.mark.parametrize("there", ["ABC2 ", "ÉE1"])
def test_a_spelling_that_is_not_valid_is_put_with_any_that_is(steve: SteveSandbox, there: str) -> None:
    tag = steve.world.add_tag(there)
    own = call(steve, "PUT", f"ocppTags/{tag.pk}", {"idTag": there, "note": "x"})
    other = call(steve, "PUT", f"ocppTags/{tag.pk}", {"idTag": "ANY", "note": "x"})

    assert (own.status_code, other.status_code) == (400, 200)
    assert (other.json()["idTag"], other.json()["note"]) == (there, "x")


@pytest.mark.parametrize("asked", ["ee1", "EE1", "ÉE1", "%20EE1%20", "Ee1+"])
def test_the_filter_folds_as_the_database_does(steve: SteveSandbox, asked: str) -> None:
    steve.world.add_tag("ÉE1")
    steve.world.add_tag("OTHER")

    answer = call(steve, "GET", f"ocppTags?idTag={asked}")

    assert [tag["idTag"] for tag in answer.json()] == ["ÉE1"]


# --- A PUT -------------------------------------------------------------------------------------------


def test_a_put_replaces_all_but_the_id_tag_and_its_user(steve: SteveSandbox) -> None:
    steve.world.add_tag("FLEET")
    tag = steve.world.add_tag(ID_TAG, parent_id_tag="FLEET", expiry_date=NEXT_YEAR, note="van", user_pk=7)

    after = call(steve, "PUT", f"ocppTags/{tag.pk}", {"idTag": "OTHER"}).json()

    cleared = [after[name] for name in ("parentIdTag", "parentOcppTagPk", "expiryDate", "note")]
    assert (after["idTag"], after["userPk"], cleared) == (ID_TAG, 7, [None] * 4)
    assert after["maxActiveTransactionCount"] == 1


def test_an_expired_id_tag_cannot_be_put_back_as_it_is(steve: SteveSandbox) -> None:
    tag = steve.world.add_tag(ID_TAG, expiry_date=LAST_YEAR)
    form = {"idTag": ID_TAG, "expiryDate": LAST_YEAR.isoformat()}

    assert call(steve, "PUT", f"ocppTags/{tag.pk}", form).status_code == 400


def test_expiring_is_a_call_of_its_own(steve: SteveSandbox) -> None:
    tag = created(steve, note="van")

    after = call(steve, "PATCH", f"ocppTags/{tag['ocppTagPk']}/expire")

    assert (after.status_code, after.json()["note"]) == (200, "van")
    assert [one["idTag"] for one in call(steve, "GET", "ocppTags", expired="TRUE").json()] == [ID_TAG]


# --- Parents -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("method", "status"), [("POST", 422), ("PUT", 500)])
@pytest.mark.parametrize("parent", ["FLEET", "", " "])
def test_a_parent_must_exist(steve: SteveSandbox, method: str, status: int, parent: str) -> None:
    tag = steve.world.add_tag("OTHER")
    path = "ocppTags" if method == "POST" else f"ocppTags/{tag.pk}"

    assert call(steve, method, path, {"idTag": ID_TAG, "parentIdTag": parent}).status_code == status


def test_an_id_tag_may_be_made_as_its_own_parent(steve: SteveSandbox) -> None:
    made = call(steve, "POST", "ocppTags", {"idTag": ID_TAG, "parentIdTag": ID_TAG})

    assert (made.status_code, made.json()["parentOcppTagPk"]) == (201, made.json()["ocppTagPk"])
    assert call(steve, "DELETE", f"ocppTags/{made.json()['ocppTagPk']}").status_code == 200


def test_parents_may_go_round_in_a_circle(steve: SteveSandbox) -> None:
    parent = steve.world.add_tag("FLEET")
    steve.world.add_tag(ID_TAG, parent_id_tag="FLEET")

    answer = call(steve, "PUT", f"ocppTags/{parent.pk}", {"idTag": "FLEET", "parentIdTag": ID_TAG})

    assert (answer.status_code, answer.json()["parentIdTag"]) == (200, ID_TAG)


@pytest.mark.parametrize("parent", [{"max_active_transaction_count": 0}, {"expiry_date": LAST_YEAR}])
def test_the_state_of_a_parent_is_never_looked_at(steve: SteveSandbox, parent: dict[str, Any]) -> None:
    steve.world.add_tag("FLEET", **parent)
    steve.world.add_tag(ID_TAG, parent_id_tag="FLEET")

    assert steve.world.authorise(ID_TAG, starting=True) == "Accepted"


# --- A DELETE ----------------------------------------------------------------------------------------


def test_a_parent_with_children_is_not_deleted(steve: SteveSandbox) -> None:
    parent = steve.world.add_tag("FLEET")
    created(steve, parentIdTag="fleet")

    assert call(steve, "DELETE", f"ocppTags/{parent.pk}").status_code == 500
    assert parent.pk in steve.world.tags


def test_what_is_deleted_is_not_there_a_second_time(steve: SteveSandbox) -> None:
    tag = created(steve)

    answers = [call(steve, "DELETE", f"ocppTags/{tag['ocppTagPk']}").status_code for _ in range(2)]

    assert answers == [200, 404]


def test_an_id_tag_without_a_letter_is_one_like_others(steve: SteveSandbox) -> None:
    steve.world.add_tag("", max_active_transaction_count=0)
    tag = created(steve)

    assert call(steve, "DELETE", f"ocppTags/{tag['ocppTagPk']}").status_code == 200
    assert [one["idTag"] for one in call(steve, "GET", "ocppTags").json()] == [""]


def test_a_deletion_takes_sessions_reservations_and_the_users_link_along(steve: SteveSandbox) -> None:
    tag = steve.world.add_tag(ID_TAG, user_pk=7)
    steve.world.add_tag("OTHER", user_pk=8)
    charging(steve, ID_TAG)
    other = charging(steve, "OTHER")
    for id_tag in (ID_TAG, "OTHER"):
        steve.steer("POST", "reservations", id_tag=id_tag, charge_box_id="TEST-1")

    call(steve, "DELETE", f"ocppTags/{tag.pk}")

    state = steve.state()
    assert [session["id"] for session in state["transactions"]] == [other]
    assert [one["ocppTagPk"] for one in state["reservations"]] == [2]
    assert state["user_links"] == [[8, 2]]


# --- Filters -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["FREE", "BARRED", "OLD", "CHILD"]),
        ("idTag=free", ["FREE"]),
        ("idTag=", ["FREE", "BARRED", "OLD", "CHILD"]),
        ("idTag=%20", ["FREE", "BARRED", "OLD", "CHILD"]),
        ("idTag=FREE&idTag=OLD", []),  # one text, joined
        ("ocppTagPk=2", ["BARRED"]),
        ("ocppTagPk=2&ocppTagPk=3", ["BARRED"]),  # a number: the first
        ("ocppTagPk=0", []),
        ("parentIdTag=FREE", ["CHILD"]),
        ("userId=7", ["OLD"]),
        ("blocked=TRUE", ["BARRED"]),
        ("blocked=TRUE&blocked=nonsense", ["BARRED"]),  # a word: the first
        ("expired=TRUE", ["OLD"]),
        ("expired=FALSE&blocked=FALSE", ["FREE", "CHILD"]),
        ("inTransaction=TRUE", ["CHILD"]),
        ("inTransaction=FALSE&blocked=TRUE", ["BARRED"]),
        ("userFilter=All", ["FREE", "BARRED", "OLD", "CHILD"]),
        ("userFilter=OnlyTagsWithUser", ["OLD"]),
        ("userFilter=OnlyTagsWithoutUser", ["FREE", "BARRED", "CHILD"]),
        ("nonsense=1", ["FREE", "BARRED", "OLD", "CHILD"]),
        ("note=van", ["BARRED", "OLD"]),
        ("note=CAFE", ["OLD"]),
        ("note=a%25van", ["BARRED"]),
        ("note=a_van", ["BARRED"]),
        ("note=a.van", []),
        ("note=nothing", []),
        ("note=two%25lines", ["FREE"]),
    ],
)
def test_id_tags_can_be_filtered(steve: SteveSandbox, query: str, found: list[str]) -> None:
    steve.world.add_tag("FREE", note="two\nlines")
    steve.world.add_tag("BARRED", max_active_transaction_count=0, note="a van")
    steve.world.add_tag("OLD", expiry_date=LAST_YEAR, note="the Van of the Café", user_pk=7)
    steve.world.add_tag("CHILD", parent_id_tag="FREE")
    charging(steve, "CHILD")

    answer = call(steve, "GET", f"ocppTags?{query}").json()

    assert [tag["idTag"] for tag in answer] == found


@pytest.mark.parametrize(
    "query",
    [
        "blocked=yes",
        "blocked=true",
        "expired=all",
        "inTransaction=1",
        "userFilter=all",
        "userFilter=OnlyTagsWithuser",
        "ocppTagPk=abc",
        "ocppTagPk=1.5",
        "ocppTagPk=2147483648",
        "userId=x",
    ],
)
def test_a_filter_that_is_none_is_refused(steve: SteveSandbox, query: str) -> None:
    answer = call(steve, "GET", f"ocppTags?{query}")

    assert (answer.status_code, answer.json()["message"]) == (400, "Error understanding the request")


@pytest.mark.parametrize("note", ["unknown idTag", "This%20unknown%20idTag"])
def test_cards_that_nobody_knew_are_found_by_their_note(steve: SteveSandbox, note: str) -> None:
    created(steve)
    charging(steve, "STRANGER")

    query = f"note={note}&blocked=TRUE&userFilter=OnlyTagsWithoutUser"

    assert [tag["idTag"] for tag in call(steve, "GET", f"ocppTags?{query}").json()] == ["STRANGER"]


# --- Versions ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("version", "shown"), [("3.7", False), ("3.8", True), ("3.15", True)])
def test_the_user_of_an_id_tag_is_shown_from_3_8_on(version: str, shown: bool) -> None:
    with SteveSandbox(version=version) as steve:
        steve.world.add_tag(ID_TAG, user_pk=7)
        (tag,) = call(steve, "GET", "ocppTags?userFilter=OnlyTagsWithUser").json()

    assert ("userPk" in tag) is shown


def test_before_3_8_the_filter_by_users_is_ignored() -> None:
    with SteveSandbox(version="3.7") as steve:
        steve.world.add_tag(ID_TAG)

        answer = told(steve, "GET", f"{LIST}?userFilter=OnlyTagsWithUser", STEVE_API_KEY=steve.key)

    assert [tag["idTag"] for tag in answer.json()] == [ID_TAG]

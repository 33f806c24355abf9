"""What may be written into an idTag: what is refused, and with which status."""

import json
from typing import Any

import pytest

from rehearsal.steve import SteveSandbox
from tests.rehearsal.steve.calls import ID_TAG, call, created, told, written

FAR = "2038-01-19T03:14:08Z"


def posted(steve: SteveSandbox, **form: Any) -> int:
    return call(steve, "POST", "ocppTags", {"idTag": ID_TAG, **form}).status_code


# --- Read or not -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'"A1B2C3D4"',
        b"null",
        b"\xff",
        b"[" * 100_000,
        b'{"idTag": "A1B2C3D4", "note": NaN}',
        b'{"idTag": ["A1B2C3D4"]}',
        b'{"idTag": "A1B2C3D4", "note": {}}',
        b'{"idTag": "A1B2C3D4", "parentIdTag": []}',
        b'{"idTag": "A1B2C3D4", "maxActiveTransactionCount": "many"}',
        b'{"idTag": "A1B2C3D4", "maxActiveTransactionCount": true}',
        b'{"idTag": "A1B2C3D4", "maxActiveTransactionCount": 2147483648}',
        b'{"idTag": "A1B2C3D4", "expiryDate": "soon"}',
        b'{"idTag": "A1B2C3D4", "expiryDate": true}',
    ],
)
def test_what_cannot_be_read_is_an_error_of_the_server(steve: SteveSandbox, body: bytes) -> None:
    answer = written(steve, "POST", "ocppTags", body)

    assert (answer.status_code, answer.json()["status"]) == (500, 500)
    assert call(steve, "GET", "ocppTags").json() == []


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/x-www-form-urlencoded"])
def test_a_body_that_is_not_said_to_be_json_is_not_read(steve: SteveSandbox, content_type: str) -> None:
    body = json.dumps({"idTag": ID_TAG}).encode()

    assert written(steve, "POST", "ocppTags", body, content_type).status_code == 500


def test_a_body_of_json_with_its_letters_named_is_read(steve: SteveSandbox) -> None:
    body = json.dumps({"idTag": ID_TAG}).encode()

    assert written(steve, "POST", "ocppTags", body, "application/json; charset=utf-8").status_code == 201


def test_a_number_is_taken_as_a_text(steve: SteveSandbox) -> None:
    steve.world.add_tag("7")
    form = {"idTag": 12345678, "note": 1, "parentIdTag": 7, "maxActiveTransactionCount": "3"}

    made = call(steve, "POST", "ocppTags", form)

    assert made.status_code == 201
    assert call(steve, "GET", "ocppTags", idTag="12345678").json() == [made.json()]
    kept = [made.json()[name] for name in ("idTag", "note", "parentIdTag", "maxActiveTransactionCount")]
    assert kept == ["12345678", "1", "7", 3]


def test_what_is_not_for_the_caller_to_say_is_ignored(steve: SteveSandbox) -> None:
    made = created(steve, userPk=7, blocked=True, ocppTagPk=99, nonsense=1)

    assert (made["ocppTagPk"], made["userPk"], made["blocked"]) == (1, None, False)


# --- Valid or not ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"idTag": None},
        {"idTag": ""},
        {"idTag": "A" * 21},
        {"idTag": "A B"},
        {"idTag": f"{ID_TAG} "},
        {"idTag": "ÉE1"},
        {"idTag": ID_TAG, "expiryDate": "2020-01-01T00:00:00Z"},
        {"idTag": ID_TAG, "expiryDate": "2020"},
    ],
)
def test_what_is_not_valid_is_refused_in_always_the_same_words(
    steve: SteveSandbox, form: dict[str, Any]
) -> None:
    answer = call(steve, "POST", "ocppTags", form)

    assert (answer.status_code, answer.json()["message"]) == (400, "Error understanding the request")


@pytest.mark.parametrize("id_tag", ["A.:_#-9", "a" * 20, "0"])
def test_all_that_the_pattern_allows_can_be_made(steve: SteveSandbox, id_tag: str) -> None:
    assert posted(steve, idTag=id_tag) == 201


# --- Notes and limits --------------------------------------------------------------------------------


@pytest.mark.parametrize("note", ["", "van", "Ärger über Öl", None])
def test_a_note_stays_as_it_is(steve: SteveSandbox, note: str | None) -> None:
    assert created(steve, note=note)["note"] == note


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_an_emoji_does_not_fit_into_a_note(steve: SteveSandbox, method: str) -> None:
    other = steve.world.add_tag("OTHER", note="van")
    path = "ocppTags" if method == "POST" else f"ocppTags/{other.pk}"

    assert call(steve, method, path, {"idTag": ID_TAG, "note": "🚗"}).status_code == 500
    assert [(tag["idTag"], tag["note"]) for tag in call(steve, "GET", "ocppTags").json()] == [
        ("OTHER", "van")
    ]


@pytest.mark.parametrize(("given", "limit"), [(None, 1), ("", 1), (0, 0), (-1, -1), (1.9, 1)])
def test_the_limit_is_one_where_none_is_given(steve: SteveSandbox, given: Any, limit: int) -> None:
    assert created(steve, maxActiveTransactionCount=given)["maxActiveTransactionCount"] == limit


# --- Expiry ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "given",
    [
        "2030-11-22T12:00:00",
        "2030-11-22T12:00:00Z",
        "2030-11-22T12:00:00.000Z",
        "2030-11-22T14:00:00+02:00",
        1921579200000,
    ],
)
def test_an_expiry_is_answered_in_utc_however_it_was_given(steve: SteveSandbox, given: Any) -> None:
    assert created(steve, expiryDate=given)["expiryDate"] == "2030-11-22T12:00:00.000Z"


@pytest.mark.parametrize(
    "given", ["2030-11-22T12:00:00Z", "2030-11-22T12:00:00.000Z", "2030-11-22T14:00:00+02:00"]
)
def test_up_to_3_7_an_expiry_with_a_zone_is_an_error_even_its_own(given: str) -> None:
    with SteveSandbox(version="3.7") as steve:
        body = json.dumps({"idTag": ID_TAG, "expiryDate": given}).encode()
        answer = told(
            steve,
            "POST",
            "/steve/api/v1/ocppTags",
            body=body,
            STEVE_API_KEY=steve.key,
            Content_Type="application/json",
        )

        assert answer.status_code == 500


@pytest.mark.parametrize("version", ["3.7", "3.8", "3.12", "3.15"])
def test_an_expiry_without_a_zone_is_taken_by_all_versions(version: str) -> None:
    with SteveSandbox(version=version) as steve:
        made = created(steve, expiryDate="2030-11-22T12:00:00")

        assert made["expiryDate"] == "2030-11-22T12:00:00.000Z"


@pytest.mark.parametrize(("given", "status"), [("2038-01-19T03:14:07Z", 201), (FAR, 500), ("2099", 500)])
def test_an_expiry_has_an_end(steve: SteveSandbox, given: str, status: int) -> None:
    assert posted(steve, expiryDate=given) == status


def test_a_day_without_dashes_is_a_year_and_stored_as_none(steve: SteveSandbox) -> None:
    assert created(steve, expiryDate="20990101")["expiryDate"] is None

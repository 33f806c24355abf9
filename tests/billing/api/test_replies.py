"""What comes back, and what is made of it."""

import pytest

from billing.client import LagoClient
from tests.billing.api.calls import HTML, create, failure
from tests.billing.objects import organization, refusal
from tests.billing.scripted import Answer, Scripted


def test_a_wrong_key_is_said_and_not_tried_again(client: LagoClient, scripted: Scripted) -> None:
    scripted.answers(Answer(401, {"status": 401, "error": "Unauthorized"}))

    error = failure(client.organization)

    assert str(error) == "Lago refused the key (401): check LAGO_API_KEY"
    assert (error.code, error.status, error.sent, error.repeatable) == ("lago_refused", 401, False, False)
    assert len(scripted.asked) == 1


def test_a_refusal_names_the_fields_and_hides_the_values(client: LagoClient, scripted: Scripted) -> None:
    details = {"email": ["invalid_email_format"], "ada@example.com": ["x"]}
    scripted.answers(refusal(422, "validation_errors", **details))

    error = failure(lambda: create(client))

    assert str(error) == "Lago refused POST customers (422 validation_errors): email"
    assert (error.code, error.lago_code) == ("lago_refused", "validation_errors")
    assert error.details == details
    assert (error.sent, error.down, error.repeatable) == (False, False, False)
    assert len(scripted.asked) == 1


def test_only_lagos_own_words_are_shown(client: LagoClient, scripted: Scripted) -> None:
    scripted.answers(
        Answer(400, {"code": "No such user ada@example.com", "error_details": "ada@example.com"})
    )

    error = failure(lambda: create(client))

    assert str(error) == "Lago refused POST customers (400)"
    assert error.lago_code == ""
    assert error.details == {}


@pytest.mark.parametrize(
    "answer",
    [
        refusal(404, "resource_not_found"),
        Answer(404, b""),
        Answer(404, b"<html>nginx</html>", {"Content-Type": "text/html"}),
        Answer(404, {"message": "no Route matched with those values"}),
    ],
    ids=["no such route", "empty", "html", "gateway"],
)
def test_a_404_that_is_not_about_the_thing_is_no_absence(
    client: LagoClient, scripted: Scripted, answer: Answer
) -> None:
    scripted.answers(answer)

    error = failure(lambda: client.customer("A1"))

    assert "check LAGO_API_URL" in str(error)
    assert len(scripted.asked) == 1


def test_a_redirect_is_not_followed(client: LagoClient, scripted: Scripted) -> None:
    scripted.answers(Answer(301, b"", {"Location": "/elsewhere"}))

    error = failure(client.organization)

    assert "redirected (301): check LAGO_API_URL" in str(error)
    assert (error.code, error.down, error.repeatable) == ("lago_unreachable", True, False)
    assert scripted.targets() == ["/api/v1/organizations"]


def test_html_in_lagos_place_is_told_apart_from_lago(client: LagoClient, scripted: Scripted) -> None:
    scripted.answers(HTML)

    error = failure(client.organization)

    assert "not by Lago: check LAGO_API_URL" in str(error)
    assert (error.code, error.down) == ("lago_unreachable", True)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"\xff\xfe"',
        "grüße".encode("latin-1"),
        b"[" * 100_000,
        b'{"something": "else"}',
    ],
)
def test_a_success_that_is_not_what_was_asked_for_is_unexpected(
    client: LagoClient, scripted: Scripted, content: bytes
) -> None:
    scripted.answers(Answer(200, content))

    error = failure(client.organization)

    assert (error.code, error.status, error.sent) == ("lago_unexpected", 200, False)
    assert len(scripted.asked) == 5


def test_a_success_without_usable_fields_is_unexpected(client: LagoClient, scripted: Scripted) -> None:
    scripted.answers(Answer(body={"organization": {"lago_id": 7}}))

    error = failure(client.organization)

    assert error.code == "lago_unexpected"
    assert len(scripted.asked) == 1


def test_a_body_without_end_is_given_up(
    client: LagoClient, scripted: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("billing.api.replies.MAX_BODY", 1000)
    scripted.answers(Answer(body={"organization": "x" * 100_000}))

    error = failure(lambda: client.organization(tries=1))

    assert error.code == "lago_unexpected"


def test_letters_beyond_ascii_arrive_whole(client: LagoClient, scripted: Scripted) -> None:
    scripted.answers(organization(name="Zürich 充電"))

    assert client.organization().name == "Zürich 充電"

"""The step `user`: judged from values alone, and what is looked up for it."""

from dataclasses import replace
from typing import Any

import pytest

from customers.steps import UserStep
from customers.steps.user import UserFact, Users
from kernel import Action, Problem, Verdict, Wanted
from kernel.chunks import SIZE
from tests.customers.factories import customer
from tests.customers.steps.rows import codes, of_file, wanted

STEP = UserStep()
QUERIES = 2  # users by address and spellings of external_ids, where nobody is there to be read


def user(
    pk: int = 1,
    email: str = "ann.example@example.com",
    external_id: str | None = "C-1",
    is_staff: bool = False,
) -> UserFact:
    return UserFact(pk, email, external_id, is_staff)


def users_of(*users: UserFact, spelt: str = "") -> Users:
    """Users as they are looked up for `wanted`; `spelt`: how the row spells the external_id."""
    found = Users()
    for one in users:
        found.by_email[one.email.lower()] = one
        if one.external_id:
            found.by_external_id[spelt or one.external_id] = one
    return found


def verdict_on(*users: UserFact, spelt: str = "", row: Wanted | None = None) -> Verdict:
    return STEP.check(row or wanted(), users_of(*users, spelt=spelt))


# --- Judged ------------------------------------------------------------------------------------------


def test_a_customer_nobody_has_is_made() -> None:
    assert verdict_on() == Verdict(Action.CREATE)


def test_a_customer_that_agrees_may_be_adopted() -> None:
    verdict = verdict_on(user(pk=7))

    assert (verdict.action, verdict.ref) == (Action.ADOPT, "7")
    assert codes(verdict.exists) == ["email_exists", "external_id_exists"]


def test_an_address_of_staff_stops_the_row() -> None:
    verdict = verdict_on(user(external_id=None, is_staff=True))

    assert (verdict.action, codes(verdict.problems)) == (None, ["email_belongs_to_staff"])


def test_an_address_of_another_customer_stops_the_row() -> None:
    assert codes(verdict_on(user(external_id="C-2")).problems) == ["email_exists"]


def test_address_and_external_id_of_two_customers_are_two_problems() -> None:
    verdict = verdict_on(user(1, external_id="C-2"), user(2, email="other@example.com"))

    assert codes(verdict.problems) == ["email_exists", "external_id_exists"]


def test_an_external_id_in_other_capitals_stops_the_row() -> None:
    verdict = verdict_on(user(email="other@example.com", external_id="c-1"), spelt="C-1")

    assert codes(verdict.problems) == ["external_id_exists"]
    assert "differs only by case" in verdict.problems[0].message


def test_without_an_address_the_customer_is_known_by_the_external_id() -> None:
    verdict = verdict_on(user(), row=wanted(email=""))

    assert codes(verdict.exists) == ["external_id_exists"]


def test_nothing_is_known_of_a_row_without_address_and_external_id() -> None:
    assert verdict_on(user(), row=wanted(email="", external_id="")).action is Action.CREATE


def test_no_message_shows_an_address() -> None:
    verdicts = [
        verdict_on(user()),
        verdict_on(user(external_id="C-2")),
        verdict_on(user(external_id=None)),
        verdict_on(user(external_id=None, is_staff=True)),
        verdict_on(user(email="other@example.com")),
    ]

    told = str([(verdict.problems, verdict.exists, verdict.leave) for verdict in verdicts])
    assert "a…@example.com" in told
    assert "ann.example" not in told
    assert "other@" not in told


# --- Who signed up directly --------------------------------------------------------------------------


def left(*users: UserFact, row: Wanted | None = None) -> Problem | None:
    return verdict_on(*users, row=row).leave


def test_a_customer_without_external_id_signed_up_directly() -> None:
    found = left(user(external_id=None))

    assert found is not None
    assert found.code == "email_signed_up_directly"


def test_staff_and_imported_customers_did_not_sign_up_directly() -> None:
    assert left(user(external_id=None, is_staff=True)) is None
    assert left(user()) is None
    assert left(user(external_id="C-2")) is None
    assert left() is None
    assert left(user(external_id=None), row=wanted(email="")) is None


# --- Looked up ---------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_an_empty_database_knows_nobody() -> None:
    assert STEP.look_up([of_file()]) == Users()


@pytest.mark.django_db
def test_addresses_are_found_in_any_capitals() -> None:
    user = customer(1, email="Customer1@EXAMPLE.com", external_id=None)

    assert STEP.look_up([of_file()]).by_email["customer1@example.com"].pk == user.pk


@pytest.mark.django_db
@pytest.mark.parametrize(("stored", "asked"), [("c-1", "C-1"), ("STRASSE", "Strasse"), ("ΟΔΟΣ", "ΟΔΟΣ")])
def test_external_ids_are_found_in_any_capitals_under_the_rows_own_spelling(stored: str, asked: str) -> None:
    user = customer(1, email="other@example.com", external_id=stored)

    found = STEP.look_up([of_file(external_id=asked)]).by_external_id

    assert found[asked].pk == user.pk


@pytest.mark.django_db
def test_each_spelling_of_a_row_finds_the_customer() -> None:
    customer(1, external_id="c-1")

    found = STEP.look_up([of_file(1), of_file(2, external_id="c-1")]).by_external_id

    assert found.keys() == {"C-1", "c-1"}


@pytest.mark.django_db
def test_rows_are_gone_through_once_as_a_stream_allows_no_more() -> None:
    user = customer(1)

    found = STEP.look_up(iter([of_file()]))

    assert (found.by_email["customer1@example.com"].pk, found.by_external_id["C-1"].pk) == (user.pk, user.pk)


@pytest.mark.django_db
def test_a_long_file_takes_as_many_queries_as_a_short_one(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(QUERIES):
        STEP.look_up([of_file()])
    with django_assert_num_queries(QUERIES):
        STEP.look_up([of_file(number) for number in range(SIZE)])


def test_a_name_that_would_shut_the_card_on_a_platform_is_warned_of() -> None:
    named = replace(wanted(), display_name="Alice \U0001f697")

    warned = STEP.check(named, Users()).warnings
    beside = UserStep(beside_platform=True).check(named, Users()).warnings

    assert [warning.code for warning in warned] == ["name_unsupported"]
    assert beside == ()

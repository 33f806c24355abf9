"""Whom the sync makes a user for, whom it takes, and whom it leaves alone."""

from typing import Any

import pytest

from tests.rehearsal.platform.rows import add_mapping, add_user
from tests.rehearsal.platform.town import Town


def _users(here: Town) -> list[tuple[Any, ...]]:
    return here.rows("select email, lago_customer_external_id from users order by email")


def _outcomes(here: Town) -> list[str]:
    found = here.rows("select message from sync_run_logs where level = 'info' order by id")
    return [message for (message,) in found]


def test_a_user_without_address_is_made_where_lago_has_none(here: Town) -> None:
    here.add_customer(email=None)

    here.platform.sync()

    assert here.rows("select name, email, lago_customer_external_id from users") == [
        ("Alice Example", None, "LEGACY-001")
    ]


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"name": None, "firstname": "Ada", "lastname": "Lovelace"}, "Ada Lovelace"),
        ({"name": None}, "legacy-001"),
    ],
)
def test_a_user_is_named_as_well_as_can_be(here: Town, fields: dict[str, str], name: str) -> None:
    here.add_customer(**fields)

    here.platform.sync()

    assert here.rows("select name from users") == [(name,)]


def test_an_address_that_is_not_known_yet_is_filled_in(here: Town) -> None:
    add_user(here.database, email=None)
    here.add_customer(email="alice@example.com")

    here.platform.sync()

    assert _users(here) == [("alice@example.com", "LEGACY-001")]


def test_who_signed_up_directly_is_linked(here: Town) -> None:
    add_user(here.database, None, email="legacy-001@example.com")
    here.add_customer()

    here.platform.sync()

    assert _users(here) == [("legacy-001@example.com", "LEGACY-001")]


def test_staff_are_left_alone(here: Town) -> None:
    add_user(here.database, None, email="legacy-001@example.com", role="admin")
    here.add_customer()

    here.platform.sync()

    assert _users(here) == [("legacy-001@example.com", None)]
    assert _outcomes(here) == ["LEGACY-001: admin_email"]


def test_who_has_cards_of_another_customer_is_left_alone(here: Town) -> None:
    user = add_user(here.database, None, email="legacy-001@example.com")
    add_mapping(here.database, user, 1, lago_customer_external_id="LEGACY-002")
    here.add_customer()

    here.platform.sync()

    assert _outcomes(here) == ["LEGACY-001: linked_to_another_customer"]


def test_who_is_linked_to_another_customer_is_passed_over_without_a_word(here: Town) -> None:
    add_user(here.database, "LEGACY-002", email="legacy-001@example.com")
    here.add_customer()

    here.platform.sync()

    assert _users(here) == [("legacy-001@example.com", "LEGACY-002")]


def test_the_user_of_a_card_of_that_customer_is_linked_whatever_the_address(here: Town) -> None:
    user = add_user(here.database, None, email="somebody@example.com")
    add_mapping(here.database, user)
    here.add_customer()

    here.platform.sync()

    assert _users(here) == [("somebody@example.com", "LEGACY-001")]


def test_several_addresses_in_one_are_malformed(here: Town) -> None:
    here.add_customer(email="a@example.com, b@example.com")

    here.platform.sync()

    assert (_users(here), _outcomes(here)) == ([], ["LEGACY-001: malformed_email"])


def test_no_user_is_made_for_an_id_with_a_dot(here: Town) -> None:
    here.add_customer("LEGACY.001")

    here.platform.sync()

    assert (_users(here), _outcomes(here)) == ([], ["LEGACY.001: not_in_lago"])


def test_an_address_that_somebody_has_is_not_filled_in(here: Town) -> None:
    add_user(here.database, email=None)
    add_user(here.database, "LEGACY-002", email="alice@example.com")
    here.add_customer(email="alice@example.com")

    run = here.platform.sync()

    assert run["status"] == "completed"
    assert _users(here) == [("alice@example.com", "LEGACY-002"), (None, "LEGACY-001")]


@pytest.mark.parametrize("signed_up", [True, False])
def test_a_user_who_is_made_by_somebody_else_meanwhile_is_left_alone(here: Town, signed_up: bool) -> None:
    if signed_up:
        add_user(here.database, None, email="legacy-001@example.com")
    here.add_customer()
    here.lago.fault("pause_before,method=GET,path=/customers/LEGACY-001$")
    before = here.platform.begin_sync()
    here.lago.wait_held()

    add_user(here.database, email="other@example.com")
    here.lago.release()
    run = here.platform.wait_synced(before + 1)

    assert run["status"] == "completed"
    assert ("other@example.com", "LEGACY-001") in _users(here)
    assert len(_users(here)) == 1 + signed_up
    assert _outcomes(here) == ["LEGACY-001: made_by_somebody_else"]


def test_a_lago_that_fails_in_between_fails_the_run(here: Town) -> None:
    here.add_customer()
    here.lago.fault("500,method=GET,path=/customers/LEGACY-001$,times=forever")

    run = here.platform.sync()

    assert (run["status"], run["errors"]) == ("failed", '["Lago answered 500"]')


def test_customers_beyond_the_first_page_get_users_too(here: Town) -> None:
    for number in range(101):
        here.add_customer(f"L{number:03}")

    here.platform.sync()

    assert here.rows("select count(*) from users") == [(101,)]

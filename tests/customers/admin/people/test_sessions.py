"""The charging sessions of a customer: read from SteVe when they are looked at, and shown in the admin."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.urls import reverse

from customers.backfill.sessions import SHOWN, recent_sessions
from customers.models import User
from rehearsal.steve import SteveSandbox
from tests.charging.factories import charged, charging
from tests.customers.admin.world import client_of, member_of_staff
from tests.customers.backfill.steve.world import CHARGE_BOX
from tests.customers.factories import customer, mapping

pytestmark = pytest.mark.django_db

MORNING = datetime(2026, 11, 20, 8, tzinfo=UTC)


@pytest.fixture
def alice(steve: SteveSandbox) -> User:
    """A customer with two cards, whom SteVe knows."""
    user = customer(1)
    for number, id_tag in enumerate(("TAG0001", "SECOND")):
        tag = steve.world.add_tag(id_tag)
        mapping(user, number + 1, id_tag=id_tag, steve_ocpp_tag_pk=tag.pk)
    return user


def page(user: User, *permissions: str) -> Any:
    client = client_of(member_of_staff(*permissions))
    return client.get(reverse("admin:customers_customer_sessions", args=[user.pk]))


# --- What is read ------------------------------------------------------------------------------------


def test_sessions_of_all_cards_are_shown_newest_first(steve: SteveSandbox, alice: User) -> None:
    first = charged(steve, "TAG0001", started_at=MORNING)
    last = charging(steve, "SECOND", started_at=MORNING + timedelta(hours=2))
    steve.world.add_tag("STRANGER")
    charged(steve, "STRANGER", started_at=MORNING)

    sessions = recent_sessions(alice)

    assert (sessions.error, sessions.total) == ("", 2)
    running, ended = sessions.newest
    assert (running.transaction_pk, running.is_running, running.energy_kwh) == (last, True, None)
    assert (ended.transaction_pk, ended.is_running, ended.energy_kwh) == (first, False, 5.0)
    assert (ended.charge_box_id, ended.started_at, ended.stopped_at) == (
        CHARGE_BOX, MORNING, MORNING + timedelta(hours=1),
    )  # fmt: skip


def test_a_session_in_another_spelling_is_marked_as_one_that_is_not_billed(
    steve: SteveSandbox, alice: User
) -> None:
    charged(steve, "tag0001", started_at=MORNING)

    assert [session.is_misspelt for session in recent_sessions(alice).newest] == [True]


def test_an_id_tag_without_a_number_is_found_by_its_text(steve: SteveSandbox, alice: User) -> None:
    alice.id_tag_mappings.update(steve_ocpp_tag_pk=None)
    charged(steve, "TAG0001", started_at=MORNING)

    assert recent_sessions(alice).total == 1


def test_an_id_tag_that_was_made_anew_brings_no_sessions_of_somebody_else(
    steve: SteveSandbox, alice: User
) -> None:
    alice.id_tag_mappings.filter(id_tag="TAG0001").update(steve_ocpp_tag_pk=99)
    charged(steve, "TAG0001", started_at=MORNING)

    assert recent_sessions(alice).total == 0


def test_only_the_newest_are_shown_and_all_are_counted(steve: SteveSandbox, alice: User) -> None:
    for number in range(SHOWN + 5):
        charged(steve, "TAG0001", started_at=MORNING + timedelta(minutes=number))

    sessions = recent_sessions(alice)

    assert (len(sessions.newest), sessions.total) == (SHOWN, SHOWN + 5)


def test_a_customer_without_cards_asks_nothing_of_steve(steve: SteveSandbox) -> None:
    assert recent_sessions(customer(2)).newest == []
    assert steve.state()["requests"] == {}


# --- What is said when it cannot be read ---------------------------------------------------------------


def test_a_steve_that_hangs_is_given_up_soon(steve: SteveSandbox, alice: User, hanging: None) -> None:
    sessions = recent_sessions(alice, timeout_s=0.3)

    assert sum(steve.state()["requests"].values()) == 1  # not answered until now
    assert sessions.error.startswith("SteVe does not answer. ")
    assert sessions.error.endswith("SteVe did not answer within 0.3 s")


@pytest.fixture
def hanging(steve: SteveSandbox) -> Iterator[None]:
    steve.fault("pause_before,times=forever")
    yield
    steve.steer("POST", "faults/clear")


@pytest.mark.parametrize("kind", ["500", "not_json", "reset_before"])
def test_a_steve_that_is_broken_is_said_not_to_answer(steve: SteveSandbox, alice: User, kind: str) -> None:
    steve.fault(f"{kind},times=forever")

    assert recent_sessions(alice).error.startswith("SteVe does not answer. ")


def test_refused_credentials_are_named(steve: SteveSandbox, alice: User) -> None:
    steve.steer("POST", "key", refuse=True)

    assert recent_sessions(alice).error.startswith("SteVe refused the credentials (401)")


def test_a_missing_variable_is_named(steve: SteveSandbox, alice: User, settings: Any) -> None:
    settings.STEVE_API_KEY = ""

    assert recent_sessions(alice).error == "STEVE_API_KEY is not set, although STEVE_BASE_URL is."


# --- In the admin --------------------------------------------------------------------------------------


def test_the_part_of_the_page_shows_charge_box_times_and_energy(steve: SteveSandbox, alice: User) -> None:
    charged(steve, "TAG0001", started_at=MORNING)
    charging(steve, "SECOND", started_at=MORNING)

    shown = page(alice, "view_customer").content.decode()

    expected = (CHARGE_BOX, "2026-11-20 08:00", "2026-11-20 09:00", "5.000", "running")
    assert all(text in shown for text in expected)


def test_the_part_of_the_page_says_that_steve_does_not_answer(steve: SteveSandbox, alice: User) -> None:
    steve.fault("500,times=forever")

    answer = page(alice, "view_customer")

    assert (answer.status_code, "SteVe does not answer" in answer.content.decode()) == (200, True)


def test_who_may_not_see_customers_does_not_see_their_sessions(steve: SteveSandbox, alice: User) -> None:
    assert page(alice, "view_backfillrun").status_code == 403
    assert steve.state()["requests"] == {}


def test_sessions_of_staff_and_of_nobody_are_not_found(steve: SteveSandbox, alice: User) -> None:
    client = client_of(member_of_staff("view_customer"))

    answers = [client.get(f"/admin/customers/customer/{pk}/sessions/") for pk in (0, alice.pk + 1)]

    assert [answer.status_code for answer in answers] == [404, 404]


def test_the_page_of_a_customer_does_not_wait_for_steve(steve: SteveSandbox, alice: User) -> None:
    client = client_of(member_of_staff("view_customer"))

    shown = client.get(reverse("admin:customers_customer_change", args=[alice.pk])).content.decode()

    assert f'hx-get="/admin/customers/customer/{alice.pk}/sessions/"' in shown
    assert steve.state()["requests"] == {}


def test_the_page_of_a_customer_says_nothing_of_sessions_without_steve(
    steve: SteveSandbox, alice: User, settings: Any
) -> None:
    settings.STEVE_BASE_URL = ""
    client = client_of(member_of_staff("view_customer"))

    shown = client.get(reverse("admin:customers_customer_change", args=[alice.pk])).content.decode()

    assert "Charging sessions" not in shown

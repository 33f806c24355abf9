"""The top of a customer's page: what somebody who answers their call wants to know, and can do."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from django_q.models import OrmQ

from customers.models import IdTagMapping, User, WelcomeMail
from customers.sign_in.asking import PER_ADDRESS, ask, send_link
from rehearsal.lago import Sandbox
from tests.customers.admin.world import (
    EVERYTHING,
    audited,
    client_of,
    member_of_staff,
    said,
    text_of,
    words_of,
)  # fmt: skip
from tests.customers.factories import imported, row
from tests.rehearsal.lago.calls import Caller
from tests.support.smtp_server import Inbox

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(lago: Sandbox) -> Client:
    return client_of(member_of_staff(*EVERYTHING))


@pytest.fixture
def alice(lago: Sandbox) -> User:
    imported([row(1)])
    return User.objects.get(external_id="C-1")


def page_of(user: User) -> str:
    return f"/admin/customers/customer/{user.pk}/change/"


def part(client: Client, user: User, name: str) -> str:
    return words_of(client.get(f"/admin/customers/customer/{user.pk}/{name}/"))


def send(client: Client, user: User) -> Any:
    return client.post(f"/admin/customers/customer/{user.pk}/send-link/")


def change_address(client: Client, user: User) -> Any:
    changed = {"email": "new@example.com", "display_name": user.display_name, "is_active": "on"}
    return client.post(page_of(user), changed)


# --- at a glance ---------------------------------------------------------------------------------------


def test_plan_invitation_and_sign_in_are_told_from_our_own_tables(
    client: Client, alice: User, lago: Sandbox
) -> None:
    run = alice.backfill_rows.get().run
    campaign = run.welcome_campaigns.create(actor="worker", batch_size=1, delay_ms=0)
    sent_at = timezone.now() - timedelta(minutes=18)
    WelcomeMail.objects.create(
        campaign=campaign, user=alice, external_id="C-1", state="sent", message_id="<1@x>",
        sent_at=sent_at, claimed_at=sent_at, expires_at=timezone.now() + timedelta(hours=1),
    )  # fmt: skip
    User.objects.filter(pk=alice.pk).update(last_login=timezone.now() - timedelta(hours=3))
    lago.stop()

    words = words_of(client.get(page_of(alice)))

    assert "Plan standard since 2024-01-01 as imported" in words
    assert "Invitation Mailed 18 minutes ago ; its link still works" in words
    assert "Last sign-in 3 hours ago" in words
    assert "TAG0001 active SteVe is not connected backfill-C-1" in words


def test_lago_is_asked_for_plan_and_price_by_itself(client: Client, alice: User, lago: Sandbox) -> None:
    told = part(client, alice, "lago")
    lago.stop()

    assert "10.00 EUR monthly , active since 2024-01-01 UTC in Lago now" in told
    assert "old address" not in told
    assert part(client, alice, "lago").startswith("Lago could not be asked: ")


def test_a_changed_address_says_that_lago_has_the_old_one_until_it_is_changed_there(
    client: Client, alice: User, settings: Any, by_hand: Caller
) -> None:
    settings.LAGO_DASHBOARD_URL = "https://lago.example.com"

    told = said(client, change_address(client, alice))[0]

    page, seen = client.get(page_of(alice)), part(client, alice, "lago")
    assert told.startswith("Lago still has the old address. Until it is changed there too, a reconcile")
    assert 'href="https://lago.example.com/customer/' in told
    assert "The address was changed here after the import." in words_of(page)
    assert "Lago still has the old address" in seen
    by_hand.customer("C-1", email="new@example.com")
    assert "Lago still has" not in part(client, alice, "lago")


def test_where_nobody_said_where_lago_s_pages_are_the_customer_s_key_is_told(
    client: Client, alice: User
) -> None:
    told = said(client, change_address(client, alice))[0]

    assert "In Lago it is the customer with the external id C-1." in told


@pytest.mark.parametrize(
    ("events", "told"),
    [
        ((), "not in Lago, or not yet: the platform sends it when it next looks"),
        ((("steve_tx_7_1700000000", "2.5"), ("steve_tx_7_final", "1.25")), "3.750 kWh in Lago"),
        ((("steve_tx_70_final", "9"),), "not in Lago, or not yet"),
    ],
    ids=["none", "in parts", "of another session"],
)
def test_it_is_told_whether_lago_has_a_session(
    client: Client, alice: User, by_hand: Caller, events: tuple[tuple[str, str], ...], told: str
) -> None:
    for transaction_id, energy in events:
        by_hand.event(
            transaction_id,
            external_subscription_id="backfill-C-1",
            code="ev_charging_kwh",
            properties={"value": energy},
        )
    card = alice.id_tag_mappings.get()
    begun = (timezone.now() - timedelta(minutes=5)).isoformat()

    answer = client.get(f"/admin/customers/customer/{alice.pk}/billed/{card.pk}/7/", {"begun": begun})

    assert words_of(answer).startswith(told)


# --- the sign-in link ----------------------------------------------------------------------------------


def test_a_sign_in_link_is_mailed_by_the_worker_once_for_two_clicks(
    client: Client, alice: User, inbox: Inbox, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        answers = [said(client, send(client, alice)) for _ in range(2)]

    assert [queued.task["args"] for queued in OrmQ.objects.all()] == [(alice.pk,)]
    assert answers[0] == ["The link is queued. No worker is running: it is mailed once one is."]
    assert answers[1] == ["A link was asked for less than a minute ago; one is enough."]
    (entry,) = audited("sign_in.requested_by_staff")
    assert entry.subject == f"user:{alice.pk}"
    assert entry.actor.startswith("staff:")
    assert "Asked for by Sam Staff just now , not mailed yet" in words_of(client.get(page_of(alice)))

    send_link(alice.pk)

    assert "Sign-in link Mailed just now" in words_of(client.get(page_of(alice)))
    assert len(inbox.received) == 1


def test_staff_share_the_limit_of_the_address(client: Client, alice: User, inbox: Inbox) -> None:
    for _ in range(PER_ADDRESS):
        ask(alice.email.upper(), None)

    (told,) = said(client, send(client, alice))

    assert told.startswith("Links were asked for too often for this address.")
    assert audited("sign_in.requested_by_staff") == []


@pytest.mark.parametrize("field", ["EMAIL_FROM", "CUSTOMER_BASE_URL"])
def test_without_mail_there_is_no_button_and_it_says_why(
    client: Client, alice: User, inbox: Inbox, settings: Any, field: str
) -> None:
    setattr(settings, field, "")

    page = client.get(page_of(alice))
    (told,) = said(client, send(client, alice))

    assert "send-link" not in text_of(page)
    assert f"No link can be sent. {field} is not set" in words_of(page)
    assert told.startswith("No link can be sent.")
    assert not OrmQ.objects.exists()


def test_a_link_is_sent_by_post_with_the_forms_token_only(alice: User, inbox: Inbox) -> None:
    strict = client_of(member_of_staff(*EVERYTHING), enforce_csrf_checks=True)

    assert send(strict, alice).status_code == 403
    assert strict.get(f"/admin/customers/customer/{alice.pk}/send-link/").status_code == 405
    assert not OrmQ.objects.exists()


# --- a card is switched ----------------------------------------------------------------------------------


def test_switching_a_card_says_what_it_means(client: Client, alice: User) -> None:
    page = f"/admin/customers/idtagmapping/{IdTagMapping.objects.get().pk}/change/"

    before = words_of(client.get(page))
    told = said(client, client.post(page, {}))

    assert "the card still charges until you block it there" in before
    assert told[0].startswith("From now on nobody pays for what is charged with this card.")
    assert "billed to nobody" in words_of(client.get(page))

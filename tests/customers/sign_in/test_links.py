"""Magic links: once, for a while, for one customer."""

import threading
from datetime import timedelta

import pytest
import time_machine
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.backends.db import SessionStore
from django.db import connection
from django.http import HttpRequest
from django.test import RequestFactory
from django.utils import timezone
from pytest_django.fixtures import Settings

from auditlog.models import AuditEntry
from customers.backfill.welcome import cancel_for_run
from customers.models import BackfillRun, User, WelcomeMail
from customers.sign_in import links
from tests.customers.imported_runs import customers_of, make_customer, make_run

pytestmark = pytest.mark.django_db


def token_of(url: str) -> str:
    return url.rstrip("/").rsplit("/", 1)[1]


def requested(user: User) -> str:
    return token_of(links.requested_link(user))


def invited(user: User, run: BackfillRun, **fields: object) -> tuple[str, WelcomeMail]:
    campaign = run.welcome_campaigns.create(actor="cli:test", batch_size=50, delay_ms=0, status="done")
    now = timezone.now()
    fields = {"claimed_at": now, "sent_at": now, "expires_at": now + timedelta(hours=24), **fields}
    mail = campaign.mails.create(user=user, external_id="C-1", state="sent", message_id="<1@x>", **fields)
    return token_of(links.invitation_link(user, mail.pk)), mail


def make_request() -> HttpRequest:
    request = RequestFactory().post("/sign-in/use/")
    request.session = SessionStore()
    request.user = AnonymousUser()
    return request


def test_a_key_that_was_changed_ends_links_unless_the_former_one_is_named(settings: Settings) -> None:
    token, former = requested(make_customer()), settings.SECRET_KEY

    settings.SECRET_KEY = "another-key-" + "7" * 50
    assert not links.resolve(token)

    settings.SECRET_KEY_FALLBACKS = [former]
    assert links.resolve(token)


def test_a_link_leads_to_our_address(settings: Settings) -> None:
    settings.CUSTOMER_BASE_URL = "https://my.acme.example"

    assert links.requested_link(make_customer()).startswith("https://my.acme.example/sign-in/link/")


def test_a_requested_link_signs_in_once() -> None:
    user = make_customer()
    token = requested(user)

    uses = [links.use(make_request(), token) for _ in range(2)]

    assert uses == [user, None]
    user.refresh_from_db()
    assert user.last_login is not None


def test_looking_at_a_link_does_not_use_it_up() -> None:
    token = requested(make_customer())

    for _ in range(3):
        assert links.resolve(token)

    assert links.use(make_request(), token)


def test_using_one_link_ends_all_others_of_that_customer() -> None:
    run = make_run(2)
    user, other = customers_of(run)
    first, second = requested(user), requested(user)
    invitation, _ = invited(user, run)
    of_another = requested(other)

    links.use(make_request(), first)

    assert links.resolve(second) is None
    assert links.resolve(invitation) is None
    assert links.resolve(of_another)


def test_a_requested_link_lives_fifteen_minutes() -> None:
    with time_machine.travel("2026-11-22T12:00:00Z", tick=False) as now:
        token = requested(make_customer())
        now.shift(timedelta(minutes=14, seconds=59))
        before = links.resolve(token)
        now.shift(timedelta(seconds=1))
        after = links.use(make_request(), token)

    assert before
    assert after is None


def test_an_invitation_lives_as_long_as_was_promised_when_it_was_sent(settings: Settings) -> None:
    with time_machine.travel("2026-11-22T12:00:00Z", tick=False) as now:
        run = make_run(1)
        token, _ = invited(customers_of(run)[0], run)
        settings.MAGIC_LINK_INVITE_TTL_SECONDS = 300
        now.shift(timedelta(hours=23, minutes=59))
        before = links.resolve(token)
        now.shift(timedelta(minutes=1))
        after = links.use(make_request(), token)

    assert before
    assert after is None


def test_a_revert_kills_the_invitation_and_nothing_else() -> None:
    run = make_run(1)
    user = customers_of(run)[0]
    password = user.password
    invitation, _ = invited(user, run)
    own = requested(user)

    cancel_for_run(run, [user.pk])

    assert links.use(make_request(), invitation) is None
    assert links.resolve(own)
    user.refresh_from_db()
    assert user.password == password


def test_the_link_of_a_deleted_customer_is_dead() -> None:
    run = make_run(1)
    user = customers_of(run)[0]
    invitation, _ = invited(user, run)
    own = requested(user)

    user.delete()

    assert links.resolve(invitation) is None
    assert links.resolve(own) is None


@pytest.mark.parametrize(
    "change", [{"is_active": False}, {"email": "new@example.com"}, {"password": "!other"}]
)
def test_a_change_of_the_customer_kills_the_link(change: dict[str, object]) -> None:
    user = make_customer()
    token = requested(user)

    User.objects.update(**change)

    assert links.resolve(token) is None


def test_staff_cannot_sign_in_by_link_even_with_a_good_token() -> None:
    staff = User.objects.create_superuser("staff@example.com", "a long password")

    assert links.use(make_request(), requested(staff)) is None


def test_a_token_is_good_for_one_purpose_only() -> None:
    run = make_run(2)
    user, other = customers_of(run)
    invitation, mail = invited(user, run)
    _, mail_of_other = invited(other, run)
    signed = invitation.partition(".")[2]

    assert links.resolve(signed) is None
    assert links.resolve(f"{mail.pk}.{requested(user)}") is None
    assert links.resolve(f"{mail_of_other.pk}.{signed}") is None


@pytest.mark.parametrize(
    "token", ["", ".", "x", "1.x", "x.y", "²." + "A" * 30, "ä" * 20, "A" * 5000, "9" * 40 + ".A"]
)
def test_nonsense_is_refused_quietly(token: str) -> None:
    assert links.resolve(token) is None


@pytest.mark.django_db(transaction=True)
def test_of_two_uses_at_the_same_moment_one_signs_in() -> None:
    token = requested(make_customer())
    gate, signed_in = threading.Barrier(8), []

    def use() -> None:
        try:
            gate.wait()
            signed_in.append(links.use(make_request(), token) is not None)
        finally:
            connection.close()

    threads = [threading.Thread(target=use) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(signed_in) == [False] * 7 + [True]


def test_use_and_refusal_are_audited_without_address_and_token() -> None:
    user = make_customer()
    token = requested(user)

    links.use(make_request(), token)
    links.use(make_request(), token)

    entries = list(AuditEntry.objects.order_by("id").values("tag", "actor", "action", "subject", "data"))
    assert [(entry["action"], entry["actor"]) for entry in entries] == [
        ("sign_in.used", f"customer:{user.pk}"),
        ("sign_in.refused", "anonymous"),
    ]
    assert token not in str(entries)
    assert "erika" not in str(entries).lower()


def test_refusals_are_noted_but_not_without_end() -> None:
    for number in range(links.REFUSALS_NOTED + 5):
        links.use(make_request(), f"made-up-{number}")

    assert AuditEntry.objects.filter(action="sign_in.refused").count() == links.REFUSALS_NOTED

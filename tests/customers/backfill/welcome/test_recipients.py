"""Who gets a welcome mail, and who does not and why."""

from datetime import timedelta

import pytest
from django.utils import timezone

from customers.backfill.welcome import Choice, preview_recipients, start_campaign
from customers.models import BackfillRun, User, WelcomeMail
from tests.customers.imported_runs import add_row, add_step, customers_of, make_customer, make_run

pytestmark = pytest.mark.django_db

RESEND = Choice(resend=True)
RETRY_UNKNOWN = Choice(retry_unknown=True)
RETRY_FAILED = Choice(retry_failed=True)


def mailed(run: BackfillRun, user: User, state: str, *, expires_in_h: float = 24) -> WelcomeMail:
    campaign = run.welcome_campaigns.create(actor="cli:test", batch_size=50, delay_ms=0, status="done")
    now = timezone.now()
    return campaign.mails.create(
        user=user, external_id=user.external_id, state=state, claimed_at=now, sent_at=now,
        message_id="<1@x>", expires_at=now + timedelta(hours=expires_in_h),
    )  # fmt: skip


def test_each_customer_once_in_file_order_however_many_cards() -> None:
    run = make_run(2)
    first, second = customers_of(run)
    add_row(run, first, line=10)

    recipients = preview_recipients(run)

    assert [customer.user for customer in recipients.to_mail] == [first, second]
    assert recipients.left_out == {}


@pytest.mark.parametrize("outcome", ["", "skipped", "failed"])
def test_a_customer_whom_the_run_did_not_import_is_not_its_to_invite(outcome: str) -> None:
    run = make_run()
    add_row(run, make_customer(external_id="C-1"), outcome=outcome)

    recipients = preview_recipients(run)

    assert recipients.total == 0


def test_a_completed_row_counts_as_imported() -> None:
    run = make_run()
    add_row(run, make_customer(external_id="C-1"), outcome="completed")

    assert len(preview_recipients(run).to_mail) == 1


@pytest.mark.parametrize(
    ("change", "reason"),
    [({"last_login": timezone.now()}, "signed_in"), ({"is_active": False}, "inactive")],
)
def test_what_the_user_is_like_decides_first(change: dict[str, object], reason: str) -> None:
    run = make_run(1)
    User.objects.update(**change)

    recipients = preview_recipients(run, RESEND)

    assert recipients.to_mail == []
    assert recipients.left_out == {reason: 1}


def test_a_customer_who_no_longer_exists_is_counted_as_gone() -> None:
    run = make_run(1)
    customers_of(run)[0].delete()

    assert preview_recipients(run).left_out == {"gone": 1}


def test_what_a_revert_has_begun_to_take_back_is_not_invited() -> None:
    run = make_run(2)
    add_step(run.rows.get(line=2), "removed")

    recipients = preview_recipients(run)

    assert [customer.user for customer in recipients.to_mail] == customers_of(run)[1:]
    assert recipients.left_out == {"reverted": 1}


@pytest.mark.parametrize("status", ["reverting", "reverted"])
def test_of_a_reverted_run_nobody_is_invited(status: str) -> None:
    run = make_run(2, status=status)

    assert preview_recipients(run).left_out == {"reverted": 2}


@pytest.mark.parametrize(
    ("state", "choice", "reason"),
    [
        ("sent", Choice(), "link_valid"),
        ("sent", RESEND, None),
        ("unknown", Choice(), "unknown_before"),
        ("unknown", RESEND, "unknown_before"),
        ("unknown", RETRY_UNKNOWN, None),
        ("failed", Choice(), "failed_before"),
        ("failed", RETRY_FAILED, None),
        ("skipped", Choice(), None),
    ],
)
def test_a_mail_before_decides_unless_the_operator_does(
    state: str, choice: Choice, reason: str | None
) -> None:
    run = make_run(1)
    mailed(run, customers_of(run)[0], state)

    recipients = preview_recipients(run, choice)

    assert recipients.left_out == ({reason: 1} if reason else {})


def test_an_unknown_mail_is_never_repeated_just_because_its_link_expired() -> None:
    run = make_run(1)
    mailed(run, customers_of(run)[0], "unknown", expires_in_h=-1)

    assert preview_recipients(run).left_out == {"unknown_before": 1}


def test_a_link_that_expired_or_was_revoked_is_replaced() -> None:
    run = make_run(2)
    first, second = customers_of(run)
    mailed(run, first, "sent", expires_in_h=-1)
    revoked = mailed(run, second, "sent")
    WelcomeMail.objects.filter(pk=revoked.pk).update(link_revoked_at=timezone.now())

    assert len(preview_recipients(run).to_mail) == 2


def test_only_the_latest_mail_counts() -> None:
    run = make_run(1)
    mailed(run, customers_of(run)[0], "unknown")
    mailed(run, customers_of(run)[0], "sent", expires_in_h=-1)

    assert len(preview_recipients(run).to_mail) == 1


def test_a_customer_queued_for_another_run_is_not_queued_twice() -> None:
    run, other = make_run(1), make_run()
    add_row(other, customers_of(run)[0])
    start_campaign(run, "cli:test")

    assert preview_recipients(other).left_out == {"under_way": 1}


def test_looking_costs_the_same_for_many_as_for_few(django_assert_num_queries) -> None:  # type: ignore[no-untyped-def]
    run = make_run(300)

    with django_assert_num_queries(4):
        preview_recipients(run)

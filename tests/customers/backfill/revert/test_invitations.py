"""A revert ends the invitations of its run."""

from typing import Any

import pytest
from django.utils import timezone

from auditlog.models import AuditEntry
from customers.backfill.refused import Refused
from customers.backfill.welcome import send_campaign, start_campaign, status
from customers.models import PlatformLink, User, WelcomeMail
from rehearsal.lago import Sandbox
from rehearsal.steve import SteveSandbox
from tests.customers.factories import imported, rows
from tests.customers.undoing import latest_run, reverted
from tests.polaris.sign_in_site import Site, refusal
from tests.rehearsal.platform.rows import add_user
from tests.support.smtp_server import Inbox

pytestmark = pytest.mark.django_db


def test_a_revert_cancels_the_queued_mails_of_its_run(lago: Sandbox) -> None:
    imported(rows(2))
    campaign = start_campaign(latest_run(), "cli:tester", enqueue=False).campaign

    report = reverted()

    assert report.status == "reverted"
    assert campaign is not None
    assert status(campaign).counts["queued"] == 0


def test_mails_to_customers_who_are_kept_are_cancelled_too(lago: Sandbox) -> None:
    imported(rows(2))
    start_campaign(latest_run(), "cli:tester", enqueue=False)
    User.objects.filter(external_id__isnull=False).update(last_login=timezone.now())

    report = reverted(keep_active=True)

    assert report.counts["kept"] > 0
    assert not WelcomeMail.objects.filter(state=WelcomeMail.State.QUEUED).exists()


# --- Beside a platform -------------------------------------------------------------------------------


@pytest.fixture
def invited(
    inbox: Inbox, lago: Sandbox, steve: SteveSandbox, settings: Any, request: pytest.FixtureRequest
) -> Site:
    """Two customers, imported and mailed links to the platform, with which it is connected since."""
    imported(rows(2))
    site: Site = request.getfixturevalue("site")
    for user in User.objects.exclude(external_id=None):
        add_user(site.connection, user.external_id, email=user.email)
    campaign = start_campaign(latest_run(), "cli:tester", delay_ms=1, enqueue=False).campaign
    assert campaign is not None
    send_campaign(campaign.pk)
    assert len(site.identifiers()) == 4
    return site


def test_a_revert_revokes_the_links_to_the_platform(invited: Site, inbox: Inbox) -> None:
    report = reverted()

    assert report.status == "reverted"
    assert invited.identifiers() == []
    assert [refusal(mail.link) for mail in inbox.received] == ["INVALID_TOKEN"] * 2
    assert AuditEntry.objects.filter(action="platform_link.revoked", actor="cli:tester").count() == 2


def test_a_revert_that_cannot_revoke_them_removes_nothing_and_does_both_the_next_time(
    invited: Site,
) -> None:
    invited.connection.execute("create rule kept as on delete to verifications do instead select 1/0")
    first = reverted()
    left = User.objects.exclude(external_id=None).count()
    invited.connection.execute("drop rule kept on verifications")

    second = reverted()

    assert (first.status, left) == ("failed", 2)
    assert "welcome links could not be revoked" in first.reason
    assert second.status == "reverted"
    assert invited.identifiers() == []


def test_a_revert_without_the_platform_does_not_leave_links_that_sign_in(
    invited: Site, settings: Any
) -> None:
    settings.POLARIS_DATABASE_URL = ""

    with pytest.raises(Refused, match=r"sign people in at the platform until 20.* cannot be revoked"):
        reverted()
    PlatformLink.objects.update(expires_at=timezone.now())  # then there is nothing to revoke any more

    assert reverted().status == "reverted"

"""A revert ends the invitations of its run."""

import pytest
from django.utils import timezone

from customers.backfill.welcome import start_campaign, status
from customers.models import User, WelcomeMail
from rehearsal.lago import Sandbox
from tests.customers.factories import imported, rows
from tests.customers.undoing import latest_run, reverted

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

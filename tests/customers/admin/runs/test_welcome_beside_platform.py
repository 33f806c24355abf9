"""Welcome mails on the console beside a platform: the pages look, and only the worker makes links."""

from typing import Any

import pytest
from django.test import Client

from customers.backfill.welcome import send_campaign
from customers.models import BackfillRun, PlatformLink, WelcomeCampaign
from tests.customers.admin.world import EVERYTHING, client_of, member_of_staff, run_url, words_of
from tests.customers.backfill.welcome.test_platform_links import add_to_platform
from tests.customers.imported_runs import make_run
from tests.polaris.sign_in_site import Site
from tests.support.smtp_server import Inbox

pytestmark = pytest.mark.django_db

PACE = {"batch_size": "50", "delay_ms": "0"}


@pytest.fixture
def client() -> Client:
    return client_of(member_of_staff(*EVERYTHING))


@pytest.fixture
def run(inbox: Inbox, site: Site) -> BackfillRun:
    made = make_run(3)
    add_to_platform(site, made)
    return made


def test_the_page_counts_who_signed_in_at_the_platform(client: Client, run: BackfillRun, site: Site) -> None:
    site.connection.execute(
        "update users set onboarded_at = now() where ctid = (select min(ctid) from users)"
    )

    words = words_of(client.get(run_url(run, "welcome")))

    assert "2 customers of this run would be invited" in words
    assert "1 have signed in already" in words
    assert f"{site.url}/auth/verify?token=preview" in words


def test_a_page_makes_no_link_and_the_worker_does(
    client: Client, run: BackfillRun, site: Site, inbox: Inbox
) -> None:
    client.get(run_url(run, "welcome"))
    client.post(run_url(run, "welcome"), PACE)
    by_the_page = site.identifiers(), PlatformLink.objects.count()

    send_campaign(WelcomeCampaign.objects.get().pk)

    assert by_the_page == ([], 0)
    assert (len(site.identifiers()), len(inbox.received)) == (6, 3)


def test_a_page_whose_platform_is_away_says_so_and_starts_nothing(
    client: Client, run: BackfillRun, settings: Any
) -> None:
    settings.POLARIS_DATABASE_URL = "postgresql://nobody@127.0.0.1:1/away"

    words = words_of(client.get(run_url(run, "welcome")))
    client.post(run_url(run, "welcome"), PACE)

    assert "The platform's database does not answer" in words
    assert "would be invited" not in words
    assert not WelcomeCampaign.objects.exists()


def test_a_page_says_which_address_is_missing(client: Client, run: BackfillRun, settings: Any) -> None:
    settings.POLARIS_CUSTOMER_URL = ""

    answer = client.post(run_url(run, "welcome"), PACE)

    assert "POLARIS_CUSTOMER_URL is not set" in words_of(answer)
    assert not WelcomeCampaign.objects.exists()

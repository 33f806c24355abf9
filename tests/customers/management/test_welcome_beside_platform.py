"""`backfill_welcome` beside a platform: what it refuses to begin, and what its mails lead to."""

import pytest
from django.db.models import Model
from pytest_django.fixtures import Settings

from customers.models import BackfillRun, PlatformLink, WelcomeCampaign, WelcomeMail
from tests.customers.backfill.welcome.test_platform_links import add_to_platform
from tests.customers.imported_runs import make_run
from tests.customers.undoing import called
from tests.polaris.sign_in_site import Site, signed_in
from tests.support.smtp_server import Inbox

pytestmark = pytest.mark.django_db

INVITING: tuple[type[Model], ...] = (WelcomeCampaign, WelcomeMail, PlatformLink)


@pytest.fixture
def run(inbox: Inbox, site: Site) -> BackfillRun:
    made = make_run(3)
    add_to_platform(site, made)
    return made


def welcome(run: BackfillRun, *arguments: str) -> tuple[int, str, str]:
    answer = called("backfill_welcome", "--run-id", run.run_id, *arguments)
    return answer.code, answer.out, answer.err


def test_the_mails_lead_to_the_platform_and_need_no_page_of_ours(
    run: BackfillRun, inbox: Inbox, settings: Settings
) -> None:
    settings.CUSTOMER_BASE_URL = ""

    code, out, _ = welcome(run, "--inline", "--delay-ms", "0")

    assert (code, "3 sent" in out) == (0, True)
    assert all("(customer)" in signed_in(mail.link) for mail in inbox.received)


def test_it_says_first_to_which_platform_the_links_go(run: BackfillRun, site: Site) -> None:
    _, _, err = welcome(run, "--status")

    assert err.startswith("Polaris ")
    assert site.connection.info.dbname in err.splitlines()[0]


@pytest.mark.parametrize("inline", [True, False])
def test_who_signed_in_there_is_counted_as_who_signed_in_here(
    run: BackfillRun, site: Site, inline: bool
) -> None:
    site.connection.execute("update users set email_verified = true")

    _, out, _ = welcome(run, "--inline" if inline else "--status")

    assert "0 of 3 customers to invite" in out
    assert "3 left out: have signed in already" in out


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"POLARIS_CUSTOMER_URL": ""}, "POLARIS_CUSTOMER_URL is not set"),
        ({"POLARIS_CUSTOMER_URL": "http://127.0.0.1:1"}, "cannot be reached"),
        ({"POLARIS_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/away"}, "does not answer"),
    ],
)
def test_a_platform_that_is_half_there_begins_nothing(
    run: BackfillRun, site: Site, settings: Settings, change: dict[str, str], told: str
) -> None:
    for name, value in change.items():
        setattr(settings, name, value)

    code, _, err = welcome(run, "--inline")

    assert code == 2
    assert told in err
    assert not any(model._default_manager.exists() for model in INVITING)


def test_links_that_the_platform_does_not_understand_begin_nothing(
    run: BackfillRun, site: Site, inbox: Inbox
) -> None:
    site.read_other_rows()

    code, _, err = welcome(run, "--inline")

    assert code == 2
    assert "does not understand them" in err
    assert not any(model._default_manager.exists() for model in INVITING)
    assert not inbox.received


def test_a_database_that_is_no_platforms_is_named(
    run: BackfillRun, settings: Settings, database_address: str
) -> None:
    settings.POLARIS_DATABASE_URL = database_address

    code, _, err = welcome(run, "--inline")

    assert code == 2
    assert "has none of the platform's tables: check POLARIS_DATABASE_URL" in err
    assert "role what it lacks" not in err


def test_the_preview_shows_where_the_link_leads(
    run: BackfillRun, site: Site, tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = tmp_path_factory.mktemp("preview") / "mail.html"

    code, _, _ = welcome(run, "--preview", str(file))

    assert code == 0
    assert f"{site.url}/auth/verify?token=preview" in file.read_text()

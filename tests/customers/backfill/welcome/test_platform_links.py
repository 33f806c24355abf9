"""Campaigns beside a platform: their links sign in there, once, and never somebody else."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings

from auditlog.models import AuditEntry
from customers.backfill.refused import Refused
from customers.backfill.welcome import (
    Choice,
    Ended,
    cancel_for_run,
    invitations,
    preview_recipients,
    resume,
    revoke_dead_links,
    send_campaign,
    start_campaign,
    status,
)
from customers.models import BackfillRun, PlatformLink, WelcomeCampaign, WelcomeMail
from customers.sign_in import links as own_links
from polaris import PlatformDatabase, PolarisError, links
from tests.customers.backfill.welcome.test_sending import counts, in_another_session
from tests.customers.imported_runs import customers_of, make_run
from tests.polaris.sign_in_site import FORMS, Site, refusal, signed_in
from tests.rehearsal.platform.rows import add_user, insert
from tests.support.smtp_server import Inbox

pytestmark = pytest.mark.django_db


def add_to_platform(site: Site, run: BackfillRun, **values: Any) -> list[str]:
    """Make the run's customers users of the platform and return their ids there."""
    return [
        add_user(site.connection, user.external_id, **{"email": user.email, **values})
        for user in customers_of(run)
    ]


def queued(site: Site, customers: int = 1, **choice: bool) -> WelcomeCampaign:
    run = make_run(customers)
    add_to_platform(site, run)
    return started(run, **choice)


def started(run: BackfillRun, **choice: bool) -> WelcomeCampaign:
    campaign = start_campaign(run, "cli:test", delay_ms=1, choice=Choice(**choice), enqueue=False).campaign
    assert campaign is not None
    return campaign


def sent(site: Site, inbox: Inbox) -> tuple[WelcomeCampaign, str]:
    """Mail one customer and return the link that arrived."""
    campaign = queued(site)
    assert send_campaign(campaign.pk) is Ended.DONE
    return campaign, inbox.received[-1].link


def token_of(link: str) -> str:
    return link.partition("token=")[2].partition("&")[0]


@pytest.fixture(params=FORMS)
def version(site: Site, request: pytest.FixtureRequest) -> str:
    site.sandbox.use_library(request.param)
    return str(request.param)


# --- All goes well ---------------------------------------------------------------------------------


def test_the_link_of_a_mail_signs_its_customer_in_at_the_platform_once(
    inbox: Inbox, site: Site, version: str
) -> None:
    _, link = sent(site, inbox)
    ((public_id,),) = site.rows("select public_id from users")

    first, second = signed_in(link), signed_in(link)

    assert link.startswith(f"{site.url}/auth/verify?token=")
    assert link.endswith("&callbackURL=%2F")
    assert public_id in first
    assert second == ""


def test_the_mail_and_both_databases_agree_on_when_the_link_expires(
    inbox: Inbox, site: Site, settings: Settings
) -> None:
    settings.MAGIC_LINK_INVITE_TTL_SECONDS = 7200
    settings.BACKFILL_TIMEZONE = "UTC"

    campaign, _ = sent(site, inbox)

    expires_at = campaign.mails.get().expires_at
    assert expires_at is not None
    assert {at for (at,) in site.rows("select expires_at from verifications")} == {expires_at}
    assert PlatformLink.objects.get().expires_at == expires_at
    for kind in ("plain", "html"):
        part = inbox.received[0].part(kind)
        assert f"{expires_at.day} {expires_at:%B %Y, %H:%M} UTC" in part
        assert "2 hours" in part


def test_the_mail_names_the_platform_and_none_of_our_pages(inbox: Inbox, site: Site) -> None:
    sent(site, inbox)

    for kind in ("plain", "html"):
        part = inbox.received[0].part(kind)
        assert "localhost:8000" not in part
        assert site.url in part


def test_nothing_of_ours_holds_a_token_and_the_audit_has_its_hash(inbox: Inbox, site: Site) -> None:
    campaign, link = sent(site, inbox)

    entries = AuditEntry.objects.filter(tag=campaign.run.audit_tag, actor="worker")
    kept = str([list(model.objects.values()) for model in (AuditEntry, PlatformLink, WelcomeMail)])
    assert entries.get(action="platform_link.minting").data == {
        "welcome": campaign.pk,
        "link": links.hashed(token_of(link)),
    }
    assert token_of(link) not in kept
    assert "example.com" not in str(list(AuditEntry.objects.values()))


@pytest.mark.parametrize("url", ["", "none"])
def test_without_a_platform_links_lead_to_our_own_pages(
    inbox: Inbox, site: Site, settings: Settings, url: str
) -> None:
    settings.POLARIS_DATABASE_URL = url

    _, link = sent(site, inbox)

    assert own_links.resolve(link.rstrip("/").rsplit("/", 1)[1]) is not None
    assert site.identifiers() == []
    assert "http://localhost:8000/sign-in/" in inbox.received[0].part("plain")


def test_invitations_on_their_way_to_our_pages_keep_working(
    inbox: Inbox, site: Site, settings: Settings
) -> None:
    settings.POLARIS_DATABASE_URL = ""
    campaign, old = sent(site, inbox)
    settings.POLARIS_DATABASE_URL = site.sandbox.database_url

    send_campaign(started(campaign.run, resend=True).pk)

    assert own_links.resolve(old.rstrip("/").rsplit("/", 1)[1]) is not None
    assert "(customer)" in signed_in(inbox.received[-1].link)


# --- The end of a link -----------------------------------------------------------------------------


def test_a_new_link_ends_the_old_one(inbox: Inbox, site: Site, version: str) -> None:
    campaign, old = sent(site, inbox)

    send_campaign(started(campaign.run, resend=True).pk)

    new = inbox.received[-1].link
    assert refusal(old) == "INVALID_TOKEN"
    assert "(customer)" in signed_in(new)
    assert [link.revoked_at is None for link in PlatformLink.objects.all()] == [False, True]
    assert campaign.mails.get().link_revoked_at is not None
    revoked = AuditEntry.objects.get(action="platform_link.revoked")
    assert revoked.data["link"] == links.hashed(token_of(old))


def test_a_mail_that_was_put_off_goes_out_with_the_only_link_there_is(inbox: Inbox, site: Site) -> None:
    campaign = queued(site)
    address = customers_of(campaign.run)[0].email
    inbox.refuse_recipients[address] = "450 greylisted"
    send_campaign(campaign.pk)
    inbox.refuse_recipients.clear()
    WelcomeMail.objects.update(not_before=None)

    send_campaign(campaign.pk)

    link = inbox.received[0].link
    assert site.identifiers()[0] == links.hashed(token_of(link))
    assert len(site.identifiers()) == 2
    assert campaign.mails.get().link_revoked_at is None
    assert "(customer)" in signed_in(link)


def test_cancelling_marks_a_link_and_revoking_deletes_it(inbox: Inbox, site: Site, version: str) -> None:
    campaign, link = sent(site, inbox)
    _, other_link = sent(site, inbox)

    cancel_for_run(campaign.run)
    numbers = [revoke_dead_links(campaign.run, site.database, "cli:test") for _ in range(2)]

    assert numbers == [1, 0]
    assert refusal(link) == "INVALID_TOKEN"
    assert "(customer)" in signed_in(other_link)
    assert AuditEntry.objects.filter(action="platform_link.revoked").count() == 1


def test_a_link_that_could_not_be_revoked_is_revoked_the_next_time(inbox: Inbox, site: Site) -> None:
    campaign, link = sent(site, inbox)
    cancel_for_run(campaign.run)
    away = PlatformDatabase("postgresql://nobody@127.0.0.1:1/away")

    with pytest.raises(PolarisError, match="does not answer"):
        revoke_dead_links(campaign.run, away, "cli:test")
    revoke_dead_links(campaign.run, site.database, "cli:test")

    assert refusal(link) == "INVALID_TOKEN"


def revoked_by_somebody_else(campaign: WelcomeCampaign, site: Site) -> None:
    def revoke() -> None:
        cancel_for_run(campaign.run)
        database = PlatformDatabase(site.sandbox.database_url)
        revoke_dead_links(campaign.run, database, "cli:test")
        database.close()

    in_another_session(revoke)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_revert_while_the_link_is_made_leaves_none(
    inbox: Inbox, site: Site, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    campaign = queued(site, 2)
    mint: Callable[..., set[str]] = links.mint

    def and_a_revert(*given: Any) -> set[str]:
        if when == "before":
            revoked_by_somebody_else(campaign, site)
        made = mint(*given)
        if when == "after":
            revoked_by_somebody_else(campaign, site)
        return made

    monkeypatch.setattr(links, "mint", and_a_revert)
    send_campaign(campaign.pk)

    assert site.identifiers() == []
    assert counts(campaign) == {"skipped": 2}
    assert not inbox.received


@pytest.mark.django_db(transaction=True)
def test_a_revert_during_the_handing_over_kills_the_link_in_the_mail(inbox: Inbox, site: Site) -> None:
    campaign = queued(site, 2)
    inbox.on_data = lambda _: revoked_by_somebody_else(campaign, site)

    send_campaign(campaign.pk)

    assert counts(campaign) == {"sent": 1, "skipped": 1}
    assert refusal(inbox.received[0].link) == "INVALID_TOKEN"


# --- Who gets none ---------------------------------------------------------------------------------


def test_who_has_signed_in_at_the_platform_is_not_invited(inbox: Inbox, site: Site) -> None:
    run = make_run(3)
    users = add_to_platform(site, run)
    site.connection.execute("update users set email_verified = true where id = %s", [users[0]])
    insert(site.connection, "auth_audit", event="customer.action", user_id=users[1])

    recipients = preview_recipients(run)

    assert [customer.user for customer in recipients.to_mail] == customers_of(run)[2:]
    assert recipients.left_out == {"signed_in": 2}


@pytest.mark.parametrize(
    "stored", [{"role": "admin"}, {"email": "other@example.com"}, {"lago_customer_external_id": None}]
)
def test_who_is_no_customer_there_is_not_invited(inbox: Inbox, site: Site, stored: dict[str, str]) -> None:
    run = make_run(1)
    add_to_platform(site, run, **stored)

    campaign = start_campaign(run, "cli:test").campaign

    assert campaign is None
    assert preview_recipients(run).left_out == {"not_at_platform": 1}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("role = 'admin'", "not_at_platform"),
        ("email = 'changed@example.com'", "not_at_platform"),
        ("onboarded_at = now()", "signed_in"),
    ],
)
def test_what_became_of_a_customer_is_seen_when_their_turn_comes(
    inbox: Inbox, site: Site, change: str, reason: str
) -> None:
    campaign = queued(site, 2)
    first, second = customers_of(campaign.run)
    site.connection.execute(
        f"update users set {change} where lago_customer_external_id = %s".encode(), [first.external_id]
    )

    send_campaign(campaign.pk)

    assert status(campaign).left_out == {reason: 1}
    assert list(inbox.recipients) == [second.email]
    assert len(site.identifiers()) == 2


def test_who_becomes_staff_at_the_very_last_moment_gets_no_link(
    inbox: Inbox, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign, mint = queued(site), links.mint

    def after_a_promotion(*given: Any) -> set[str]:
        site.connection.execute("update users set role = 'admin'")
        return mint(*given)

    monkeypatch.setattr(links, "mint", after_a_promotion)
    send_campaign(campaign.pk)

    assert site.identifiers() == []
    assert status(campaign).left_out == {"not_at_platform": 1}
    assert not inbox.received


def test_a_link_is_dead_once_the_platform_has_another_address(inbox: Inbox, site: Site, version: str) -> None:
    _, link = sent(site, inbox)
    site.connection.execute("update users set email = 'changed@example.com'")

    assert signed_in(link) == ""


def test_looking_costs_the_platform_the_same_for_many_as_for_few(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run(300)
    add_to_platform(site, run)
    read, asked = PlatformDatabase.read, []
    monkeypatch.setattr(PlatformDatabase, "read", lambda self, *given: asked.append(1) or read(self, *given))

    assert len(preview_recipients(run).to_mail) == 300
    assert len(asked) == 2


# --- The platform is not as it should be -------------------------------------------------------------


def test_a_campaign_does_not_begin_where_nobody_said_where_customers_sign_in(
    inbox: Inbox, site: Site, settings: Settings
) -> None:
    run = make_run(1)
    settings.POLARIS_CUSTOMER_URL = ""

    with pytest.raises(Refused, match="POLARIS_CUSTOMER_URL is not set"):
        start_campaign(run, "cli:test")

    assert not run.welcome_campaigns.exists()


def test_a_campaign_that_lost_that_address_is_paused(inbox: Inbox, site: Site, settings: Settings) -> None:
    campaign = queued(site)
    settings.POLARIS_CUSTOMER_URL = ""

    ended = send_campaign(campaign.pk)

    assert ended is Ended.PAUSED
    assert "POLARIS_CUSTOMER_URL is not set" in status(campaign).reason
    assert counts(campaign) == {"queued": 1}


def test_links_that_are_not_understood_pause_the_campaign_at_once(inbox: Inbox, site: Site) -> None:
    campaign = queued(site, 3)
    site.read_other_rows()

    ended = send_campaign(campaign.pk)
    paused = status(campaign)
    site.read_our_rows()
    resume(campaign, "staff:1", enqueue=False)
    send_campaign(campaign.pk)

    assert ended is Ended.PAUSED
    assert "does not understand them" in paused.reason
    assert (paused.counts["queued"], paused.counts["sent"]) == (3, 0)
    assert counts(campaign) == {"sent": 3}


@pytest.mark.parametrize(
    "away",
    [
        {"POLARIS_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/away"},
        {"POLARIS_CUSTOMER_URL": "http://127.0.0.1:1"},
    ],
)
def test_a_platform_that_is_away_pauses_with_nothing_lost(
    inbox: Inbox, site: Site, settings: Settings, away: dict[str, str]
) -> None:
    campaign = queued(site, 6)
    before = {name: getattr(settings, name) for name in away}
    for name, value in away.items():
        setattr(settings, name, value)

    send_campaign(campaign.pk)
    paused = status(campaign)
    for name, value in before.items():
        setattr(settings, name, value)
    resume(campaign, "staff:1", enqueue=False)
    send_campaign(campaign.pk)

    assert paused.reason.startswith("5 refusals in a row, the last one: platform_unreachable: no link")
    assert paused.counts["queued"] == 6
    assert counts(campaign) == {"sent": 6}
    assert max(inbox.recipients.values()) == 1


def test_a_proof_lasts_for_ten_minutes_and_no_longer(inbox: Inbox, site: Site) -> None:
    campaign, late = queued(site), queued(site)
    now = timezone.now()
    WelcomeCampaign.objects.filter(pk=campaign.pk).update(links_proven_at=now - timedelta(minutes=9))
    WelcomeCampaign.objects.filter(pk=late.pk).update(links_proven_at=now - timedelta(minutes=11))
    site.read_other_rows()

    ended = [send_campaign(campaign.pk), send_campaign(late.pk)]

    assert ended == [Ended.DONE, Ended.PAUSED]


def test_a_proof_of_the_links_is_remembered_by_the_campaign(inbox: Inbox, site: Site) -> None:
    campaign, _ = sent(site, inbox)

    campaign.refresh_from_db()

    assert campaign.links_proven_at is not None
    assert timezone.now() - campaign.links_proven_at < invitations.PROOF_LASTS


# --- A sender that dies ------------------------------------------------------------------------------


class Killed(BaseException):
    """What nobody catches."""


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_sender_that_dies_over_a_link_leaves_none_behind_in_the_end(
    inbox: Inbox, site: Site, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    campaign, mint = queued(site), links.mint

    def dying(*given: Any) -> set[str]:
        if when == "after":
            mint(*given)
        raise Killed

    monkeypatch.setattr(links, "mint", dying)
    with pytest.raises(Killed):
        send_campaign(campaign.pk)
    monkeypatch.undo()
    left = len(site.identifiers())
    send_campaign(campaign.pk)
    unknown = counts(campaign)
    send_campaign(started(campaign.run, retry_unknown=True).pk)

    assert left == (2 if when == "after" else 0)
    assert unknown == {"unknown": 1}
    assert len(site.identifiers()) == 2
    assert PlatformLink.objects.standing().count() == 1
    assert "(customer)" in signed_in(inbox.received[0].link)


# --- What the mail says of cards that wait ---------------------------------------------------------------


@pytest.mark.parametrize("beside_platform", [True, False])
def test_a_mail_says_until_when_the_platform_blocks_the_cards(
    site: Site, inbox: Inbox, settings: Settings, beside_platform: bool
) -> None:
    campaign = queued(site)
    later = timezone.now() + timedelta(days=9)
    campaign.run.rows.update(start_date=later.date(), subscription_at=later)
    if not beside_platform:
        settings.POLARIS_DATABASE_URL = ""

    send_campaign(campaign.pk)

    (mail,) = inbox.received
    told = f"work from {later.day} {later:%B %Y} on; until then they are blocked"
    assert [told in mail.part(kind) for kind in ("plain", "html")] == [beside_platform, beside_platform]

"""A campaign in an operator's own words: sent by both ways, refused beforehand, paused when they go wrong."""

from datetime import date
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pytest_django.fixtures import Settings

from customers.backfill.refused import Refused
from customers.backfill.welcome import Ended, resume, send_campaign, start_campaign, status
from customers.models import WelcomeCampaign
from tests.customers.imported_runs import make_run
from tests.customers.mail.email_worker import SECRET, running
from tests.customers.mail.operators_words import HTML, LAYOUT, TEXT, Words
from tests.support.smtp_server import Inbox

pytestmark = pytest.mark.django_db
BROKEN = "{{ nothing }}"


def queued(customers: int) -> WelcomeCampaign:
    campaign = start_campaign(make_run(customers), "cli:test", delay_ms=0, enqueue=False).campaign
    assert campaign is not None
    return campaign


def counts(campaign: WelcomeCampaign) -> dict[str, int]:
    return {state: number for state, number in status(campaign).counts.items() if number}


def test_customers_get_them_from_the_mail_server(words: Words, inbox: Inbox) -> None:
    words["welcome.html"], words["welcome.txt"] = LAYOUT, TEXT
    words["welcome-subject.txt"] = "Moin von {{ operator }}"

    ended = send_campaign(queued(1).pk)

    mail = inbox.received[0]
    assert ended is Ended.DONE
    assert mail.message["Subject"] == "Moin von Acme Charging"
    assert mail.part("plain").startswith("Moin ")
    assert mail.link in mail.part("html")
    assert "Moin " in mail.part("html")


def test_customers_get_them_from_the_email_worker(words: Words, settings: Settings) -> None:
    words["welcome.html"], words["welcome.txt"] = HTML, TEXT
    words["welcome-subject.txt"] = "x" * 50
    settings.EMAIL_BACKEND, settings.EMAIL_FROM = "customers.mail.worker.EmailBackend", "post@acme.example"
    settings.CF_EMAIL_WORKER_SECRET, settings.CUSTOMER_BASE_URL = SECRET, "https://my.acme.example"
    with running() as worker:
        settings.CF_EMAIL_WORKER_URL = worker.url
        ended = send_campaign(queued(2).pk)

    assert ended is Ended.DONE
    assert (len(worker.taken), worker.refused) == (2, [])
    assert worker.taken[0]["html"].startswith("<h1>Moin")
    assert worker.taken[0]["text"].startswith("Moin ")


@pytest.mark.parametrize("name", ["welcome.it.txt", "magic-link.html"])
def test_a_fault_in_any_language_and_any_mail_keeps_all_from_beginning(
    words: Words, inbox: Inbox, name: str
) -> None:
    words[name] = BROKEN

    with pytest.raises(Refused, match=f"{name}, line 1: there is no variable nothing. Take one of: "):
        queued(1)

    assert not WelcomeCampaign.objects.exists()


def test_of_several_faults_one_is_said_and_where_all_are(words: Words, inbox: Inbox) -> None:
    words["welcome.txt"], words["welcome.html"], words["welcome.fr.txt"] = BROKEN, BROKEN, BROKEN

    with pytest.raises(
        Refused, match=r"\(2 more, which python manage.py check and Before the night name\.\)"
    ):
        queued(1)


def test_a_file_changed_under_way_pauses_with_the_reason_and_loses_nobody(words: Words, inbox: Inbox) -> None:
    words["welcome.txt"] = TEXT
    campaign = queued(3)
    inbox.on_data = lambda _: words.__setitem__("welcome.txt", "Moin\n{{ link }}!")

    ended = send_campaign(campaign.pk)

    assert ended is Ended.PAUSED
    assert counts(campaign) == {"sent": 1, "queued": 2}
    assert status(campaign).reason == (
        "MAIL_TEMPLATES_DIR, welcome.txt, line 2: the link is not there, or not by itself."
        " Write {{ link }} on a line of its own."
    )

    inbox.on_data = lambda _: None
    words["welcome.txt"] = TEXT
    resume(campaign, "cli:test", enqueue=False)
    assert send_campaign(campaign.pk) is Ended.DONE
    assert counts(campaign) == {"sent": 3}


def test_a_file_changed_between_proof_and_link_puts_the_mail_back(
    words: Words, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    words["welcome.txt"] = TEXT
    campaign = queued(1)

    def look(links: Any, claimed: Any) -> date | None:
        words["welcome.txt"] = BROKEN
        return None

    monkeypatch.setattr("customers.backfill.welcome.invitations.OwnPages.blocked_until", look)

    ended = send_campaign(campaign.pk)

    assert ended is Ended.PAUSED
    assert counts(campaign) == {"queued": 1}
    assert "there is no variable nothing" in status(campaign).reason
    assert not inbox.received


def test_a_folder_that_goes_away_pauses_too(words: Words, inbox: Inbox, settings: Settings) -> None:
    campaign = queued(1)
    settings.MAIL_TEMPLATES_DIR = "/nowhere/mail"

    assert send_campaign(campaign.pk) is Ended.PAUSED
    assert counts(campaign) == {"queued": 1}
    assert "/nowhere/mail is not there" in status(campaign).reason


# --- At the terminal -----------------------------------------------------------------------------------


def command(*arguments: str) -> int:
    try:
        call_command("backfill_welcome", "--run-id", make_run(1).run_id, *arguments)
    except SystemExit as end:
        return int(str(end.code))
    return 0


def test_the_command_ends_with_2_and_says_file_line_and_remedy(
    words: Words, inbox: Inbox, capsys: pytest.CaptureFixture[str]
) -> None:
    words["welcome.de.html"] = "\n{% load i18n %}"

    code = command("--inline")

    assert code == 2
    assert "MAIL_TEMPLATES_DIR, welcome.de.html, line 2: the tag load is not known" in capsys.readouterr().err
    assert not inbox.received


def test_preview_and_a_test_to_oneself_use_them(words: Words, inbox: Inbox, tmp_path: Any) -> None:
    words["welcome.html"], words["welcome.txt"] = HTML, TEXT

    codes = command("--preview", f"{tmp_path}/mail.html"), command("--test-to", "ops@acme.example")

    assert codes == (0, 0)
    assert "<h1>Moin Alex Example</h1>" in (tmp_path / "mail.html").read_text()
    assert inbox.received[0].part("plain").startswith("Moin Alex Example")


def test_neither_is_made_of_what_cannot_be_used(
    words: Words, inbox: Inbox, tmp_path: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    words["welcome.html"] = BROKEN

    codes = command("--preview", f"{tmp_path}/mail.html"), command("--test-to", "ops@acme.example")

    assert codes == (2, 1)
    assert capsys.readouterr().err.count("welcome.html, line 1: there is no variable nothing") == 2
    assert not inbox.received


def test_the_shipped_mails_are_written_once(tmp_path: Any, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "new"

    first = command("--write-templates", str(folder))
    (folder / "welcome.fr.html").unlink()
    again = command("--write-templates", str(folder))

    said = capsys.readouterr().err
    assert (first, again) == (0, 2)
    assert "24 files are in" in said
    assert "is there already, and is left as it is." in said
    assert not (folder / "welcome.fr.html").exists()


def test_the_shipped_mails_go_into_no_place_that_nobody_named(tmp_path: Any, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "welcome.de.html").symlink_to(tmp_path / "elsewhere.html")

    with pytest.raises(CommandError):
        command("--write-templates", "")
    through_a_link = command("--write-templates", "own")

    assert through_a_link == 2
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["own", "welcome.de.html"]

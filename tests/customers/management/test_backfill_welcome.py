"""`backfill_welcome`: options, output, exit codes."""

import json
import signal
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from django.core.management import call_command
from pytest_django.fixtures import Settings

from auditlog.models import AuditEntry
from customers.backfill.welcome import start_campaign
from customers.models import BackfillRun, User, WelcomeCampaign
from customers.sign_in import links
from tests.customers.imported_runs import customers_of, make_run
from tests.support.processes import environment, manage, started, wait_for
from tests.support.smtp_server import Inbox, MailServer

pytestmark = pytest.mark.django_db


def welcome(*arguments: str) -> int:
    try:
        call_command("backfill_welcome", *arguments)
    except SystemExit as end:
        return int(str(end.code))
    return 0


def document(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(capsys.readouterr().out)
    return read


@pytest.fixture
def run(inbox: Inbox) -> BackfillRun:
    return make_run(3)


def test_inline_sends_without_a_worker_and_reports(
    run: BackfillRun, inbox: Inbox, capsys: pytest.CaptureFixture[str]
) -> None:
    code = welcome("--run-id", run.run_id, "--inline", "--delay-ms", "0")

    output = capsys.readouterr()
    assert code == 0
    assert len(inbox.received) == 3
    assert "done" in output.out
    assert "3 sent" in output.out
    assert "Sending: 3 of 3" in output.err


def test_json_is_one_document_on_standard_output(
    run: BackfillRun, inbox: Inbox, capsys: pytest.CaptureFixture[str]
) -> None:
    inbox.refuse_recipients[customers_of(run)[0].email] = "550 no"

    code = welcome("--run-id", run.run_id, "--inline", "--format", "json")

    told = document(capsys)
    assert code == 1
    assert told["status"] == "done"
    assert (told["counts"]["sent"], told["counts"]["failed"]) == (2, 1)
    assert told["problems"][0]["code"] == "smtp_recipient_refused_550"
    assert "example.com" not in json.dumps({**told, "problems": None})


def test_a_second_time_nobody_is_mailed_again(
    run: BackfillRun, inbox: Inbox, capsys: pytest.CaptureFixture[str]
) -> None:
    welcome("--run-id", run.run_id, "--inline")
    User.objects.filter(pk=customers_of(run)[0].pk).update(last_login="2026-11-22T00:00Z")
    capsys.readouterr()

    code = welcome("--run-id", run.run_id, "--inline", "--format", "json")

    assert code == 0
    assert document(capsys)["left_out"] == {"signed_in": 1, "link_valid": 2}
    assert len(inbox.received) == 3


def test_resend_mails_those_whose_link_is_still_valid(run: BackfillRun, inbox: Inbox) -> None:
    welcome("--run-id", run.run_id, "--inline")

    code = welcome("--run-id", run.run_id, "--inline", "--resend")

    assert code == 0
    assert set(inbox.recipients.values()) == {2}


def test_a_paused_campaign_ends_with_1_and_says_how_to_go_on(
    run: BackfillRun, inbox: Inbox, capsys: pytest.CaptureFixture[str]
) -> None:
    run = make_run(6)
    inbox.refuse_all = "535 no"

    code = welcome("--run-id", run.run_id, "--inline", "--delay-ms", "1")

    output = capsys.readouterr().out
    assert code == 1
    assert "smtp_login_refused_535" in output
    assert f"To go on: python manage.py backfill_welcome --run-id {run.run_id}" in output


def test_failed_and_unknown_mails_are_retried_only_when_asked(run: BackfillRun, inbox: Inbox) -> None:
    first, second, _ = [user.email for user in customers_of(run)]
    inbox.refuse_recipients[first] = "550 no"
    inbox.hang_up_on.add(second)
    codes = [welcome("--run-id", run.run_id, "--inline")]
    inbox.refuse_recipients.clear()

    codes += [welcome("--run-id", run.run_id, "--inline", *retry) for retry in ((), ("--retry-failed",))]
    still_unknown = inbox.recipients[second]
    codes.append(welcome("--run-id", run.run_id, "--inline", "--retry-unknown"))

    assert codes == [1, 1, 0, 0]  # who was refused before and is left out is still to be looked at
    assert still_unknown == 0
    assert inbox.recipients == {user.email: 1 for user in customers_of(run)}


def test_status_shows_and_changes_nothing(
    run: BackfillRun, inbox: Inbox, capsys: pytest.CaptureFixture[str]
) -> None:
    before = welcome("--run-id", run.run_id, "--status", "--format", "json"), document(capsys)
    start_campaign(run, "cli:test", enqueue=False)
    during = welcome("--run-id", run.run_id, "--status", "--format", "json"), document(capsys)

    assert before == (0, {"run_id": run.run_id, "status": None, "to_mail": 3, "left_out": {}})
    assert during[0] == 0
    assert (during[1]["status"], during[1]["counts"]["queued"]) == ("running", 3)
    assert not inbox.received


def test_status_gives_reasons_in_words(
    run: BackfillRun, inbox: Inbox, capsys: pytest.CaptureFixture[str]
) -> None:
    inbox.refuse_recipients[customers_of(run)[0].email] = "550 no"
    welcome("--run-id", run.run_id, "--inline")
    capsys.readouterr()

    code = welcome("--run-id", run.run_id, "--status")

    told = capsys.readouterr().out
    assert code == 1
    assert "smtp_recipient_refused_550: the mail server refused this address. Correct the address." in told


def test_preview_writes_the_mail_and_sends_nothing(run: BackfillRun, inbox: Inbox, tmp_path: Path) -> None:
    file = tmp_path / "mail.html"

    code = welcome("--run-id", run.run_id, "--preview", str(file))

    assert code == 0
    assert "Welcome, Alex Example" in file.read_text()
    assert not WelcomeCampaign.objects.exists()
    assert not inbox.received


def test_preview_is_written_in_one_language_or_in_all(run: BackfillRun, tmp_path: Path) -> None:
    preview = ("--run-id", run.run_id, "--preview", str(tmp_path / "mail.html"))

    codes = [welcome(*preview, "--language", language) for language in ("de", "all")]

    assert codes == [0, 0]
    assert "Willkommen, Alex Example" in (tmp_path / "mail.html").read_text("utf-8")
    assert "Bienvenue, Alex Example" in (tmp_path / "mail.fr.html").read_text("utf-8")
    assert len(list(tmp_path.iterdir())) == 1 + 6


def test_a_preview_is_never_written_over_a_file_of_another_kind(run: BackfillRun, tmp_path: Path) -> None:
    customers = tmp_path / "customers.csv"
    customers.write_text("email")

    code = welcome("--run-id", run.run_id, "--preview", str(customers))

    assert (code, customers.read_text()) == (2, "email")


def test_one_of_each_language_goes_to_oneself(run: BackfillRun, inbox: Inbox) -> None:
    code = welcome("--run-id", run.run_id, "--test-to", "ops@acme.example", "--language", "all")

    languages = [mail.message["Content-Language"] for mail in inbox.received]
    assert (code, languages) == (0, ["en", "de", "fr", "nl", "es", "it"])


def test_one_to_oneself_has_a_dead_link_and_invites_nobody(run: BackfillRun, inbox: Inbox) -> None:
    code = welcome("--run-id", run.run_id, "--test-to", "ops@acme.example")

    assert code == 0
    assert inbox.recipients == {"ops@acme.example": 1}
    assert links.resolve(inbox.received[0].link.rstrip("/").rsplit("/", 1)[1]) is None
    assert not WelcomeCampaign.objects.exists()
    assert "ops@acme" not in str(list(AuditEntry.objects.values()))


def test_one_to_oneself_that_is_refused_says_why(
    run: BackfillRun, inbox: Inbox, capsys: pytest.CaptureFixture[str]
) -> None:
    inbox.refuse_all = "553 5.7.1 not yours"

    code = welcome("--run-id", run.run_id, "--test-to", "ops@acme.example")

    assert code == 1
    assert "smtp_sender_refused_553: the mail server does not send for EMAIL_FROM" in capsys.readouterr().err


def test_several_people_are_not_oneself(run: BackfillRun, capsys: pytest.CaptureFixture[str]) -> None:
    code = welcome("--run-id", run.run_id, "--test-to", "a@acme.example, b@acme.example")

    assert code == 2
    assert "write Name <address>. The address alone will do, too." in capsys.readouterr().err


# --- What cannot start -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"EMAIL_FROM": ""}, "EMAIL_FROM"),
        ({"EMAIL_FROM": "Ladestrom, Nord <post@acme.example>"}, "EMAIL_FROM"),
        ({"OPERATOR_CONTACT_EMAIL": "help"}, "OPERATOR_CONTACT_EMAIL"),
        ({"CUSTOMER_BASE_URL": ""}, "CUSTOMER_BASE_URL"),
        ({"EMAIL_BACKEND": "django.core.mail.backends.dummy.EmailBackend"}, "EMAIL_URL"),
        ({"CF_EMAIL_WORKER_URL": "http://x.example"}, "CF_EMAIL_WORKER_SECRET"),
    ],
)
def test_what_mail_needs_is_asked_for_before_anything_is_queued(
    change: dict[str, str],
    named: str,
    run: BackfillRun,
    settings: Settings,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, value in change.items():
        setattr(settings, name, value)

    code = welcome("--run-id", run.run_id, "--inline")

    assert code == 2
    assert named in capsys.readouterr().err
    assert not WelcomeCampaign.objects.exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ("--run-id", "20260101-000000-0000"),
        ("--batch-size", "0"),
        ("--delay-ms", "-1"),
        ("--preview", "/nowhere/mail.html"),
        ("--language", "de"),  # customers get theirs in their own
    ],
)
def test_what_makes_no_sense_is_refused_with_2(arguments: tuple[str, ...], run: BackfillRun) -> None:
    assert welcome("--run-id", run.run_id, "--inline", *arguments) == 2


def test_a_run_under_way_is_refused_with_2(run: BackfillRun) -> None:
    BackfillRun.objects.update(status="running")

    assert welcome("--run-id", run.run_id, "--inline") == 2


@pytest.mark.django_db(transaction=True)
def test_interrupted_inline_finishes_the_mail_in_hand_and_can_go_on(
    database_url: str, mail_server: MailServer
) -> None:
    run = make_run(30)
    env = environment(DATABASE_URL=database_url, EMAIL_URL=mail_server.url)
    command = ("backfill_welcome", "--run-id", run.run_id, "--inline", "--delay-ms", "1")
    inbox, signalled = mail_server.inbox, Event()
    inbox.on_data = lambda _: not inbox.received or signalled.wait(60)  # the second mail is in hand

    with started(*command, env=env) as process:
        wait_for(lambda: inbox.received)
        process.send_signal(signal.SIGINT)
        signalled.set()
        interrupted = process.wait(60)
    states = set(run.welcome_campaigns.get().mails.values_list("state", flat=True))
    again = manage(*command, env=env)

    assert interrupted == 130
    assert states == {"sent", "queued"}
    assert again.returncode == 0
    assert inbox.recipients == {user.email: 1 for user in customers_of(run)}

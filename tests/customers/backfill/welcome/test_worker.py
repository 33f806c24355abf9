"""Campaigns sent by a real worker to a real mail server."""

import os
import random
import signal
import time
from contextlib import ExitStack
from threading import Event

import pytest

from customers.backfill.welcome import Choice, start_campaign, status
from customers.models import PlatformLink, WelcomeCampaign, WorkerBeat
from tests.customers.imported_runs import customers_of, make_run
from tests.polaris.sign_in_site import Site, refusal, signed_in
from tests.rehearsal.platform.rows import add_user
from tests.support.processes import environment, manage, started, wait_for, worker
from tests.support.smtp_server import MailServer

FULL = bool(os.environ.get("POLARIS_FULL_SIZE"))  # the figures of the requirements; else what fits into CI
CUSTOMERS, DELAY_MS = (1000, 2000) if FULL else (150, 1000)
KILLS, KILLED_CUSTOMERS = (20, 200) if FULL else (3, 90)


@pytest.fixture
def env(database_url: str, mail_server: MailServer) -> dict[str, str]:
    return environment(DATABASE_URL=database_url, EMAIL_URL=mail_server.url)


def test_every_customer_gets_one_mail_at_the_pace(env: dict[str, str], mail_server: MailServer) -> None:
    run = make_run(CUSTOMERS)
    inbox = mail_server.inbox

    with worker(env):
        wait_for(WorkerBeat.is_fresh)
        done = manage(
            "backfill_welcome", "--run-id", run.run_id, "--delay-ms", str(DELAY_MS), env=env, timeout=300
        )

    assert done.returncode == 0, done.stderr
    assert inbox.recipients == {user.email: 1 for user in customers_of(run)}
    pauses = inbox.pauses(50)
    print("pauses between batches:", [round(pause * 1000) for pause in pauses], "ms")
    assert min(pauses) >= DELAY_MS / 1000  # none is cut short; how much longer one is, the machine says


@pytest.mark.matrix
def test_a_worker_killed_again_and_again_mails_nobody_twice(
    env: dict[str, str], mail_server: MailServer
) -> None:
    run = make_run(KILLED_CUSTOMERS)
    campaign = start_campaign(run, "cli:test", batch_size=10, delay_ms=100).campaign
    inbox, chance = mail_server.inbox, random.Random(4)

    for kill in range(1, KILLS + 1):
        with started("qcluster", env=env):  # killed with all its children on leaving
            wait_for(lambda mark=kill * KILLED_CUSTOMERS // (KILLS + 4): len(inbox.received) >= mark)
            time.sleep(chance.random() * 0.15)
    with worker(env):
        wait_for(lambda: status(campaign).status == "done", within_s=180)

    counts = status(campaign).counts
    print("after", KILLS, "kills:", counts)
    assert max(inbox.recipients.values()) == 1
    assert counts["sent"] + counts["unknown"] == KILLED_CUSTOMERS
    assert counts["unknown"] <= KILLS
    assert sent_to(campaign) <= set(inbox.recipients)
    assert max(inbox.bursts(0.1)) <= 10


@pytest.mark.matrix
def test_two_workers_and_three_commands_still_send_once_and_at_the_pace(
    env: dict[str, str], mail_server: MailServer
) -> None:
    run = make_run(60)
    inbox = mail_server.inbox
    command = ("backfill_welcome", "--run-id", run.run_id, "--batch-size", "10", "--delay-ms", "300")

    with worker(env), worker(env), ExitStack() as commands:
        wait_for(WorkerBeat.is_fresh)
        started_commands = [commands.enter_context(started(*command, env=env)) for _ in range(3)]
        codes = [process.wait(180) for process in started_commands]

    assert codes == [0, 0, 0]
    assert run.welcome_campaigns.count() == 1
    assert inbox.recipients == {user.email: 1 for user in customers_of(run)}
    assert min(inbox.pauses(10)) >= 0.3


@pytest.mark.matrix
def test_interrupting_the_command_leaves_the_worker_sending(
    env: dict[str, str], mail_server: MailServer
) -> None:
    run, interrupted = make_run(40), Event()
    command = ("backfill_welcome", "--run-id", run.run_id, "--batch-size", "10", "--delay-ms", "1")
    inbox = mail_server.inbox
    inbox.on_data = lambda _: len(inbox.received) < 39 or interrupted.wait(60)  # the last mail waits

    with worker(env):
        wait_for(WorkerBeat.is_fresh)
        with started(*command, env=env) as process:
            wait_for(lambda: inbox.received)
            process.send_signal(signal.SIGINT)
            code = process.wait(60)
        interrupted.set()
        wait_for(lambda: len(inbox.received) == 40)

    assert code == 130


def test_without_a_worker_nothing_is_queued_and_both_ways_out_are_told(env: dict[str, str]) -> None:
    run = make_run(3)

    done = manage("backfill_welcome", "--run-id", run.run_id, env=env)

    assert done.returncode == 2
    assert "manage.py qcluster" in done.stderr
    assert "--inline" in done.stderr
    assert not run.welcome_campaigns.exists()


def sent_to(campaign: WelcomeCampaign | None) -> set[str]:
    assert campaign is not None
    return {
        mail.user.email for mail in campaign.mails.filter(state="sent").select_related("user") if mail.user
    }


def test_a_worker_killed_with_a_link_in_its_hands_leaves_one_that_can_be_revoked(
    env: dict[str, str], mail_server: MailServer, site: Site
) -> None:
    run, killed = make_run(1), Event()
    (user,) = customers_of(run)
    add_user(site.connection, user.external_id, email=user.email)
    beside = {**env, "POLARIS_DATABASE_URL": site.sandbox.database_url, "POLARIS_CUSTOMER_URL": site.url}
    campaign = start_campaign(run, "cli:test", delay_ms=1).campaign
    inbox, handed_over = mail_server.inbox, Event()
    inbox.on_data = lambda _: (handed_over.set(), killed.wait(60))

    with started("qcluster", env=beside):
        assert handed_over.wait(60)
    killed.set()
    with worker(beside):
        wait_for(lambda: status(campaign).counts["unknown"])
    left = site.identifiers()
    again = start_campaign(run, "cli:test", choice=Choice(retry_unknown=True))
    with worker(beside):
        wait_for(lambda: status(again.campaign).counts["sent"])

    first, second = (mail.link for mail in inbox.handed_over)
    assert len(left) == 2
    assert PlatformLink.objects.filter(hash=left[0]).exists()
    assert refusal(first) == "INVALID_TOKEN"
    assert "(customer)" in signed_in(second)

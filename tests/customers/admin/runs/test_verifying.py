"""Verify in the console: what the command says, and a test session, charged once for each confirmation."""

import asyncio
import json
import re
from typing import Any

import pytest
from django.test import Client

from charging.charge_point import ChargePointError, charging_session
from customers import jobs
from customers.jobs.slices import Slice
from customers.models import BackfillRun, IdTagMapping, RunJob
from rehearsal.lago import Sandbox
from rehearsal.steve import SteveSandbox
from tests.customers.admin.world import audited, client_of, member_of_staff, run_url, words_of
from tests.customers.backfill.steve.world import CHARGE_BOX, manage, run_of
from tests.customers.backfill.verify.line import Line
from tests.customers.backfill.verify.world import AND_CHARGE, TAG, run_over
from tests.customers.backfill.verify.world import verified as verified_by_command
from tests.customers.factories import imported, rows
from tests.customers.imported_runs import customers_of

pytestmark = pytest.mark.django_db
GIVEN = {"id_tag": TAG, "charge_box": CHARGE_BOX, "timeout_s": "60"}


@pytest.fixture
def run(client: Client, steve: SteveSandbox) -> BackfillRun:
    return run_over(rows(2), steve)


def work(**how: Any) -> list[str]:
    """Be the worker: do every job that waits, a slice of each."""
    return [jobs.run_job(job.pk, **how) for job in RunJob.objects.unfinished()]


def verified(client: Client, run: BackfillRun) -> str:
    client.post(run_url(run, "verify"))
    work()
    return words_of(client.get(run_url(run, "verify")))


def confirmation(client: Client, run: BackfillRun, **given: str) -> dict[str, str]:
    """Say with which card, and take what the page then has to be confirmed."""
    page = client.post(run_url(run, "charge"), {**GIVEN, **given}).content.decode()
    found = re.findall(r'<input type="hidden" name="(card|charge_box|timeout_s|known)" value="([^"]*)"', page)
    return dict(found)


def asked(client: Client, run: BackfillRun, **given: str) -> RunJob:
    client.post(run_url(run, "charge_now"), confirmation(client, run, **given))
    return RunJob.objects.get(kind="charge")


def sessions(steve: SteveSandbox) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = steve.state()["transactions"]
    return found


# --- what only looks ---------------------------------------------------------------------------------


def test_the_page_says_what_the_command_says(client: Client, run: BackfillRun, lago: Sandbox) -> None:
    IdTagMapping.objects.filter(id_tag=TAG).update(is_active=False)
    _, out, _ = manage("backfill_verify", "--run-id", run.run_id, "--format", "json")
    command = json.loads(out)

    words = verified(client, run)

    by_command, job = RunJob.objects.order_by("pk")
    looked = [
        {**check, "detail": ""} if check["name"] == "charging session" else check
        for check in command["checks"]
    ]
    kept = job.result["checks"]
    assert [{**one, "detail": ""} if one["name"] == "charging session" else one for one in kept] == looked
    assert (job.result["verdict"], by_command.result["verdict"], command["verdict"]) == ("no-go",) * 3
    assert "NO GO: " in words
    for check in command["checks"][:-1]:
        assert " ".join(f"{check['name']} {check['compared']}".split()) in words
    assert [entry.data for entry in audited("run.verified")] == [{"verdict": "no-go"}] * 2


def test_two_clicks_are_one_verification_and_a_stop_ends_it(client: Client, run: BackfillRun) -> None:
    for _ in range(2):
        client.post(run_url(run, "verify"))
    client.post(run_url(run, "verify_stop"))

    assert [(job.status, job.reason) for job in RunJob.objects.all()] == [("stopped", "stopped in the admin")]
    assert work() == []
    assert len(audited("verify.asked")) == len(audited("verify.stopped")) == 1


def test_a_worker_that_dies_over_it_leaves_it_to_the_next(client: Client, run: BackfillRun) -> None:
    client.post(run_url(run, "verify"))
    RunJob.objects.update(status="running", attempts=1, result={"verdict": "none", "checks": []})

    assert work() == ["done"]
    assert RunJob.objects.get().result["verdict"] == "go"


def test_where_steve_is_not_configured_the_counts_are_all(client: Client, lago: Sandbox) -> None:
    run = run_of(imported(rows(1)))

    words = verified(client, run)

    assert "GO (not checked: idTags in SteVe, charging session)" in words
    assert "No charging session can be had here: A test session needs SteVe." in words
    assert "Charge with a test card" not in words


# --- the charging session ----------------------------------------------------------------------------


def test_the_confirmation_names_what_it_does_with_the_card_masked(
    client: Client, run: BackfillRun, steve: SteveSandbox
) -> None:
    answer = client.post(run_url(run, "charge"), GIVEN)

    words = words_of(answer)
    assert "This charges 1 kWh with TAG… on the charge box TEST-1." in words
    assert "billed to the customer C-1;" in words
    assert TAG not in answer.content.decode()
    assert (sessions(steve), RunJob.objects.count()) == ([], 0)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"id_tag": "NOBODY"}, "The idTag NOB… is not one of the run"),
        ({"id_tag": "tag0001"}, "The idTag tag… is spelled otherwise here."),
        ({"charge_box": ""}, "This field is required."),
        ({"timeout_s": "0"}, "greater than or equal to 1"),
    ],
    ids=["unknown", "other spelling", "no box", "no time"],
)
def test_a_session_that_cannot_be_is_not_offered(
    client: Client, run: BackfillRun, given: dict[str, str], why: str
) -> None:
    answer = client.post(run_url(run, "charge"), {**GIVEN, **given})

    assert why in words_of(answer)
    assert "billed to" not in words_of(answer)


def test_a_confirmed_session_is_charged_and_followed_into_lago_once(
    client: Client, run: BackfillRun, steve: SteveSandbox
) -> None:
    confirmed = confirmation(client, run)
    for _ in range(2):
        client.post(run_url(run, "charge_now"), confirmed)
    assert work() == ["done"]
    again = client.post(run_url(run, "charge_now"), confirmed, follow=True)  # by the browser's way back

    assert "asked for already" in words_of(again)
    assert (len(sessions(steve)), work()) == (1, [])
    words = words_of(client.get(run_url(run, "verify")))
    assert "GO 20" in words.replace("· ", "")
    assert "1 kWh sent, 1.000 kWh on backfill-C-1 (events: 1)" in words
    assert ", with a charging session" in words
    assert [entry.data for entry in audited("run.charged")] == [{"verdict": "go", "transaction": 1}]
    assert len(audited("charge.begun")) == 1
    _, checks = verified_by_command(run, *AND_CHARGE)
    assert [[check["name"] for check in job.result["checks"]] for job in RunJob.objects.all()] == [
        [*checks]
    ] * 2


def test_only_one_run_charges_at_a_time(client: Client, run: BackfillRun, steve: SteveSandbox) -> None:
    other = run_over([row for row in rows(3) if row["external_id"] == "C-3"], steve)
    asked(client, other, id_tag="TAG0003")

    answer = client.post(run_url(run, "charge_now"), confirmation(client, run), follow=True)

    assert "A test session of another run is under way." in words_of(answer)
    assert RunJob.objects.filter(kind="charge").count() == 1


def test_nothing_is_charged_where_something_else_is_wrong(
    client: Client, run: BackfillRun, steve: SteveSandbox
) -> None:
    asked(client, run)
    IdTagMapping.objects.filter(id_tag=TAG).update(is_active=False)

    assert work() == ["done"]
    assert sessions(steve) == []
    assert "nothing was charged; first put right: " in words_of(client.get(run_url(run, "verify")))


class NoTime(Slice):
    """Is over as soon as it begins."""

    def start(self, what: str, total: int) -> None:
        self._over()


def test_the_energy_is_waited_for_in_slices_and_a_stop_ends_the_wait(
    client: Client, run: BackfillRun, steve: SteveSandbox
) -> None:
    steve.steer("POST", "usage", omit=True)
    asked(client, run)

    turns = [*work(slice_of=NoTime), *work(slice_of=NoTime)]
    waiting = words_of(client.get(run_url(run, "verify")))
    client.post(run_url(run, "verify_stop"))
    ended = work()

    assert (turns, ended) == (["queued", "queued"], ["stopped"])
    assert "Waiting for the usage event in Lago." in waiting
    assert len(sessions(steve)) == 1
    assert "stopped while waiting; look later for steve_tx_1_" in words_of(client.get(run_url(run, "verify")))


def test_another_worker_goes_on_looking_for_the_energy(
    client: Client, run: BackfillRun, steve: SteveSandbox
) -> None:
    asked(client, run)
    assert work(slice_of=NoTime)[0] in ("done", "queued")
    RunJob.objects.filter(status="queued").update(status="running", attempts=1)
    work()

    job = RunJob.objects.get()
    assert (job.status, job.result["verdict"], len(sessions(steve))) == ("done", "go", 1)


@pytest.fixture
def left_running(client: Client, run: BackfillRun, steve: SteveSandbox) -> RunJob:
    """What a worker leaves that is killed while it charges: a session that runs, and that it was about to."""
    job = asked(client, run)
    line = Line(steve.ocpp_url, silent_at={"StopTransaction"})
    with line.laid() as address, pytest.raises(ChargePointError):
        asyncio.run(charging_session(address, CHARGE_BOX, TAG, energy_wh=1_000, timeout_s=1))
    assert steve.world.sessions[1].is_running
    left: dict[str, Any] = {"verdict": "none", "checks": [], "after": 0}
    RunJob.objects.update(status="running", attempts=1, result=left)
    return job


def test_what_a_killed_worker_left_running_is_ended_and_nothing_is_charged_again(
    client: Client, run: BackfillRun, steve: SteveSandbox, left_running: RunJob
) -> None:
    assert work() == ["stopped"]

    words = words_of(client.get(run_url(run, "verify")))
    assert "The worker was killed while it charged. Nothing is charged again" in words
    assert "transaction 1 was left running, and is stopped now" in words
    assert [one.is_running for one in steve.world.sessions.values()] == [False]


def test_what_nobody_could_end_is_to_be_looked_for_in_steve(
    client: Client, run: BackfillRun, steve: SteveSandbox, left_running: RunJob
) -> None:
    steve.stop()

    assert work() == ["refused"]
    assert "A session may still run in SteVe on TEST-1" in words_of(client.get(run_url(run, "verify")))


def test_results_hold_no_personal_data(client: Client, run: BackfillRun, steve: SteveSandbox) -> None:
    asked(client, run)
    work()

    kept = json.dumps(list(RunJob.objects.values_list("result", "options", "reason")))
    logged = json.dumps([entry.data for name in ("charge.asked", "charge.begun") for entry in audited(name)])
    for customer in customers_of(run):
        assert customer.email not in kept
        assert customer.display_name not in kept
    assert TAG not in kept + logged


# --- the stepper on the page -------------------------------------------------------------------------


def step_by_step(client: Client, run: BackfillRun) -> tuple[str, str]:
    """Give the states of the five steps by their first letters, and the one right thing to do."""
    page = client.get(run_url(run)).content.decode()
    primary = re.findall(r'class="pb-button pb-primary"[^>]*>([^<]*)', page)
    states = re.findall(r'<li class="pb-step pb-step-(\w)', page)
    return "".join(states), " ".join(primary)


def test_the_page_leads_from_the_import_to_the_mails(
    client: Client, run: BackfillRun, steve: SteveSandbox
) -> None:
    told = [step_by_step(client, run)]
    client.post(run_url(run, "reconcile"))
    told.append(step_by_step(client, run))
    work()
    told.append(step_by_step(client, run))
    verified(client, run)
    told.append(step_by_step(client, run))
    asked(client, run)
    work()
    told.append(step_by_step(client, run))
    client.post(run_url(run, "welcome"), {"batch_size": "50", "delay_ms": "0"})
    told.append(step_by_step(client, run))

    assert told == [
        ("dnlll", "Reconcile"), ("dnlll", "Reconcile"), ("ddnll", "Verify"),
        ("ddnll", "Charge with a test card…"), ("dddnl", "Welcome mails"), ("dddnl", "Welcome mails"),
    ]  # fmt: skip
    assert "The welcome mails are going out." in words_of(client.get(run_url(run)))


def test_a_divergence_leads_to_itself_and_what_was_found_before_a_change_says_so(
    client: Client, run: BackfillRun
) -> None:
    IdTagMapping.objects.filter(id_tag=TAG).update(is_active=False)
    client.post(run_url(run, "reconcile"))
    work()
    diverged = step_by_step(client, run)
    BackfillRun.objects.filter(pk=run.pk).update(settled_at=RunJob.objects.get().finished_at)

    assert diverged == ("dblll", "Look at the divergences")
    assert step_by_step(client, run) == ("dnlll", "Reconcile")
    assert "The run has changed since. Reconcile it again." in words_of(client.get(run_url(run, "reconcile")))
    assert "The run has changed since it was reconciled" in words_of(client.get(run_url(run)))


def test_a_run_that_is_to_be_previewed_again_does_not_offer_to_continue(
    client: Client, run: BackfillRun
) -> None:
    reason = "Rows that would fail now: 1 (lines 2: plan_not_found). Preview the file again."
    BackfillRun.objects.update(status="failed", reason=reason)

    assert step_by_step(client, run) == ("bllll", "Upload the file again")


def test_rows_that_were_not_imported_hold_up_nothing(client: Client, run: BackfillRun) -> None:
    run.rows.filter(line=3).update(outcome="failed")
    BackfillRun.objects.update(status="partial")
    client.post(run_url(run, "reconcile"))
    work()

    assert step_by_step(client, run) == ("ddnll", "Verify")
    assert "Nothing else diverges; not imported: 1 row" in words_of(client.get(run_url(run)))


def test_whoever_may_only_look_reads_what_it_needs(run: BackfillRun) -> None:
    reader = client_of(member_of_staff("view_backfillrun", email="olga@operator.example"))

    assert step_by_step(reader, run) == ("dnlll", "Reconcile")
    assert "It needs the permission run_backfill, which you do not have." in words_of(
        reader.get(run_url(run))
    )

"""Verify beside the platform: a quiet one is woken, and its record of the session is looked at."""

import json
from typing import Any

import pytest

from customers import jobs
from customers.backfill.verify.platform import BILLS, RECORDED
from customers.models import BackfillRun, RunJob
from tests.customers.admin.world import EVERYTHING, client_of, member_of_staff, run_url, words_of
from tests.customers.backfill.steve.world import CHARGE_BOX, manage, run_of
from tests.customers.factories import imported, rows
from tests.rehearsal.platform.town import Town

pytestmark = pytest.mark.django_db

AND_CHARGE = ("--id-tag", "TAG0001", "--charge-box", CHARGE_BOX, "--timeout", "60")


def verified(run: BackfillRun, *options: str) -> tuple[int, dict[str, Any]]:
    code, out, _ = manage("backfill_verify", "--run-id", run.run_id, "--format", "json", *options)
    return code, {check["name"]: check for check in json.loads(out)["checks"]}


def test_a_session_is_billed_at_once_by_a_platform_that_sleeps(town: Town) -> None:
    run = run_of(imported(rows(2)))
    town.platform.sync()

    code, checks = verified(run, *AND_CHARGE)

    assert code == 0
    assert (checks[BILLS]["passed"], checks[RECORDED]["passed"]) == (True, True)


def test_a_session_that_is_confirmed_in_the_console_is_billed_and_recorded(town: Town) -> None:
    run = run_of(imported(rows(2)))
    town.platform.sync()
    client = client_of(member_of_staff(*EVERYTHING))
    given = {"id_tag": "TAG0001", "charge_box": CHARGE_BOX, "timeout_s": "60"}
    asked = client.post(run_url(run, "charge"), given).context
    chosen = {**given, "card": asked["card"].pk, "known": asked["known"]}

    client.post(run_url(run, "charge_now"), chosen)
    job = RunJob.objects.get(kind=RunJob.Kind.CHARGE)
    ended = jobs.run_job(job.pk)

    job.refresh_from_db()
    passed = {check["name"]: check["passed"] for check in job.result["checks"]}
    assert (ended, job.result["verdict"]) == ("done", "go")
    assert (passed[BILLS], passed[RECORDED]) == (True, True)
    assert ", with a charging session" in words_of(client.get(run_url(run, "verify")))
    assert "Verify: GO" in words_of(client.get(run_url(run)))
    assert len(town.steve.state()["transactions"]) == 1


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ("set is_active = false", "the platform's card is not active, so nothing is billed"),
        ("set lago_subscription_external_id = 'another'", "the platform bills it to another"),
        ("set steve_ocpp_id_tag = 'tag0001'", "the platform spells the card otherwise"),
    ],
)
def test_nothing_is_charged_that_the_platform_would_not_bill_right(town: Town, change: str, why: str) -> None:
    run = run_of(imported(rows(1)))
    town.database.execute(f"update user_mappings {change}".encode())

    code, checks = verified(run, *AND_CHARGE)

    assert (code, checks[BILLS]["detail"]) == (1, why)
    assert town.steve.state()["transactions"] == []

"""Verify beside the platform: a quiet one is woken, and its record of the session is looked at."""

import json
from typing import Any

import pytest

from customers.backfill.verify.platform import BILLS, RECORDED
from customers.models import BackfillRun
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

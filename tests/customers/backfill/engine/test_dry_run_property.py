"""For random files and random prior states, the dry-run says what the run does, and writes nothing.

`POLARIS_EXAMPLES=1000 pytest tests/customers/backfill/engine/test_dry_run_property.py`
looks much longer than the suite does.
"""

import os
from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.db import transaction
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from customers.backfill.engine.report import Report
from customers.backfill.refused import Refused
from customers.models import IdTagMapping, User
from kernel import Wanted
from rehearsal.lago import Sandbox
from tests.customers.backfill.engine.random_worlds import COUPONS, PLANS, Before, random_before, random_rows
from tests.customers.factories import Row, imported, planned, told

pytestmark = pytest.mark.django_db

EXAMPLES = int(os.environ.get("POLARIS_EXAMPLES", "30"))
DONE = {"create": "created", "complete": "completed", "skip": "skipped", "fail": "failed"}
MADE = {"create": "created", "adopt": "adopted", "done": "done", "shared": "shared"}


@pytest.fixture
def lago(settings: Any, tmp_path: Any) -> Iterator[Sandbox]:
    coupons = [one for one in COUPONS if isinstance(one, str)]
    with Sandbox(PLANS, coupons=coupons, on_a_quiet_day=True) as sandbox:
        settings.LAGO_API_URL, settings.LAGO_API_KEY = sandbox.url, sandbox.key
        settings.BACKFILL_LAGO_RATE, settings.BACKFILL_LOG_DIR = 0, tmp_path
        yield sandbox


@st.composite
def random_worlds(draw: st.DrawFn) -> tuple[list[Row], list[Before]]:
    """Even chances: what Hypothesis draws by itself is mostly small and blank, and then little meets."""
    dice = draw(st.randoms(use_true_random=True))
    return random_rows(dice), random_before(dice)


@settings(
    max_examples=EXAMPLES,
    derandomize=EXAMPLES <= 30,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    world=random_worlds(),
    skip_existing=st.sampled_from([True, True, False]),
    allow_partial=st.sampled_from([True, True, False]),
    new_run=st.sampled_from([False, False, False, True]),
    batch_size=st.integers(1, 3),
    billed_until=st.sampled_from([None, None, "2024-05-05", "2026-11-20", "2089-12-31"]),
)
def test_the_dry_run_tells_what_the_run_does(
    lago: Sandbox,
    world: tuple[list[Row], list[Before]],
    batch_size: int,
    billed_until: str | None,
    **options: Any,
) -> None:
    rows, before = world
    lago.reset()
    options |= {"billed_until": billed_until, "start_after_billed": billed_until is not None}
    lago.put_coupons(*COUPONS)
    with transaction.atomic():
        for one in before:
            one.apply(lago, rows)
        compare(lago, rows, batch_size, options)
        transaction.set_rollback(True)


def compare(lago: Sandbox, rows: list[Row], batch_size: int, options: dict[str, Any]) -> None:
    start = everything(lago)
    try:
        plan = planned(rows, **options)
    except Refused:  # an unfinished run was begun with other days
        with pytest.raises(Refused):
            imported(rows, batch_size=batch_size, **options)
        return
    assert everything(lago) == start, "the dry-run wrote something"

    counted = counts(lago)
    report = imported(rows, batch_size=batch_size, concurrency=2, **options)
    event(f"{report.status} {'continued' if plan.continues else ''}")
    for code in {problem["code"] for one in told(plan).values() for problem in one["problems"]}:
        event(code)
    if plan.plan.fails and not options["allow_partial"]:
        assert (report.status, report.run, told(report)) == ("would_fail", None, told(plan))
        assert everything(lago) == start, "a run that would fail wrote something"
        return
    check_rows(plan, report)
    check_world(lago, plan, counted, start)
    check_again(plan, rows, options)


# --- What is told ------------------------------------------------------------------------------------


def check_rows(plan: Report, report: Report) -> None:
    before, after = told(plan), told(report)
    assert {line: one["action"] for line, one in after.items()} == {
        line: DONE[one["action"]] for line, one in before.items()
    }
    for line, one in before.items():
        assert after[line]["problems"] == one["problems"]
        assert after[line]["warnings"] == one["warnings"]
        words = MADE if one["action"] in ("create", "complete") else {word: word for word in MADE}
        assert after[line]["steps"] == {name: words[word] for name, word in one["steps"].items()}
    fails = any(one["action"] == "fail" for one in before.values())
    works = any(one["action"] != "fail" for one in before.values())
    assert report.status == ("succeeded" if not fails else "partial" if works else "failed")


# --- What is there -----------------------------------------------------------------------------------


def counts(lago: Sandbox) -> dict[str, int]:
    state = lago.state(live=True)
    return {
        "user": User.objects.count(),
        "id_tag_mapping": IdTagMapping.objects.count(),
        "lago_customer": len(state["customers"]),
        "lago_subscription": len(state["subscriptions"]),
        "lago_wallet": len(state["wallets"]),
        "lago_coupon": len(state["applied_coupons"]),
    }


def check_world(lago: Sandbox, plan: Report, before: dict[str, int], start: dict[str, Any]) -> None:
    rows = list(told(plan).values())
    for name, number in counts(lago).items():
        assert number == before[name] + sum(one["steps"].get(name) == "create" for one in rows), name
    check_nothing_old_changed(lago, start["lago"])
    for row in plan.plan.to_do():
        check_row_stands(lago, row.wanted.external_id, row.wanted.id_tag, row.wanted.plan_code)
        check_prepaid_stands(lago, row.wanted)


def check_nothing_old_changed(lago: Sandbox, old: dict[str, Any]) -> None:
    """Nothing of Lago's is changed but the currency, which a first subscription settles; nobody is billed."""
    now = lago.state(volatile=True)
    assert (now["invoices"], now["credit_notes"]) == (old["invoices"], old["credit_notes"])
    for row in old["subscriptions"]:
        assert row in now["subscriptions"]
    customers = {row["lago_id"]: row["columns"] for row in now["customers"]}
    for row in old["customers"]:
        assert row["columns"].items() <= customers[row["lago_id"]].items()
    for name in ("wallets", "applied_coupons", "coupons"):
        assert all(row in now[name] for row in old[name])


def check_row_stands(lago: Sandbox, external_id: str, id_tag: str, plan_code: str) -> None:
    mapped = IdTagMapping.objects.get(id_tag__iexact=id_tag)
    assert (mapped.user.external_id, mapped.is_active) == (external_id, True)
    live = [
        row for row in lago.state(live=True)["subscriptions"] if row["external_customer_id"] == external_id
    ]
    assert mapped.lago_subscription_external_id in [row["external_id"] for row in live]
    assert {row["plan_code"] for row in live} == {plan_code}


def check_prepaid_stands(lago: Sandbox, wanted: Wanted) -> None:
    """What the row asks for is there once; what it does not ask for was not made."""
    state, key = lago.state(live=True), wanted.external_id
    names = [one["name"] for one in state["wallets"] if one["external_customer_id"] == key]
    balance = wanted.more.get("opening_balance")
    assert names.count(f"backfill-{key}") == 1 if balance else True
    codes = [one["coupon_code"] for one in state["applied_coupons"] if one["external_customer_id"] == key]
    assert not wanted.more.get("coupon") or wanted.more["coupon"] in codes


def check_again(plan: Report, rows: list[Row], options: dict[str, Any]) -> None:
    """What went in is skipped the next time."""
    again = told(planned(rows, **(options | {"skip_existing": True, "new_run": False})))
    for line, one in told(plan).items():
        if one["action"] != "fail":
            assert again[line]["action"] == "skip"


def everything(lago: Sandbox) -> dict[str, Any]:
    tables = {model._meta.label: list(model._default_manager.values()) for model in apps.get_models()}
    return {"tables": tables, "lago": lago.state(volatile=True)}

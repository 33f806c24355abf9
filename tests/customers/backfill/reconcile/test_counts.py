"""The table of a reconciliation adds up, whatever mix of rows and things a run holds."""

from collections import Counter
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from customers.backfill.ledger.taken_back import taken_back
from customers.backfill.reconcile import Reconciliation, grouped
from customers.models import BackfillRow, BackfillRun, BackfillStep, IdTagMapping, User
from rehearsal.lago import Sandbox
from rehearsal.steve import SteveSandbox
from tests.customers.backfill.steve.world import run_of
from tests.customers.factories import customer, imported, lago_customer, mapping, row
from tests.customers.undoing import reconciled

pytestmark = pytest.mark.django_db

State = BackfillStep.State
STANDING = (State.CREATED, State.ADOPTED)
LINES = 6


# --- Any mix -----------------------------------------------------------------------------------------


@pytest.fixture
def mixed(lago: Sandbox, steve: SteveSandbox) -> BackfillRun:
    """A run with several cards, adopted customers and idTags, and rows that were imported before."""
    imported([row(3)])
    lago_customer(lago, 2)
    steve.world.add_tag("TAG0004")
    mapping(customer(5), 5, is_active=False)
    given = [row(1), row(1, id_tag="SECOND"), row(2), row(3), row(4), row(5)]
    return run_of(imported(given, skip_existing=True))


common = [State.CREATED, State.ADOPTED, State.SHARED]  # beside each other as often as all others together
states = st.lists(st.sampled_from([*common, *State.values]), min_size=40, max_size=40)
outcomes = st.lists(st.sampled_from(BackfillRow.Outcome.values), min_size=LINES, max_size=LINES)
broken = st.sets(st.sampled_from(["user", "mapping", "inactive", "given away", "steve"]))


@given(states=states, outcomes=outcomes, broken=broken)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_each_line_of_the_table_adds_up(
    mixed: BackfillRun, steve: SteveSandbox, states: list[str], outcomes: list[str], broken: set[str]
) -> None:
    with undone(steve):
        write(mixed, states, outcomes)
        break_what(broken, steve)

        result = reconciled(mixed)

        assert_adds_up(mixed, result)


@contextmanager
def undone(steve: SteveSandbox) -> Any:
    """Take back what an example does."""
    tags = dict(steve.world.tags)
    with transaction.atomic():
        yield
        transaction.set_rollback(True)
    steve.world.tags = tags


def write(run: BackfillRun, states: list[str], outcomes: list[str]) -> None:
    for stored, outcome in zip(run.rows.order_by("line"), outcomes, strict=True):
        stored.outcome = outcome
        stored.save(update_fields=["outcome"])
    steps = BackfillStep.objects.filter(row__run=run).select_related("row").order_by("pk")
    for step, state in zip(steps, states, strict=False):
        step.state, step.intended_at = state, timezone.now()
        step.ref = "" if state == State.SHARED else step.ref or str(step.row.user_id)
        step.save()


def break_what(broken: set[str], steve: SteveSandbox) -> None:
    if "mapping" in broken or "user" in broken:
        IdTagMapping.objects.filter(user__external_id__in=["C-1", "C-2"]).delete()
    if "user" in broken:
        User.objects.filter(external_id__in=["C-1", "C-2"]).delete()
    if "inactive" in broken:
        IdTagMapping.objects.update(is_active=False)
    if "given away" in broken:
        IdTagMapping.objects.filter(id_tag="TAG0004").update(user=User.objects.get(external_id="C-5"))
    if "steve" in broken:
        steve.world.tags = {}


def assert_adds_up(run: BackfillRun, result: Reconciliation, *, rows: int = LINES) -> None:
    recorded = {(step.row.line, step.name): step.state for step in steps_of(run)}
    told = {
        (one.line, one.step)
        for one in result.found
        if one.divergence.kind != "not_imported" and recorded[one.line, one.step] in STANDING
    }
    standing = Counter(name for (_, name), state in recorded.items() if state in STANDING)

    assert {name: count.expected for name, count in result.steps.items()} == dict(standing)
    for name, count in result.steps.items():
        assert count.created + count.adopted == count.expected
        assert count.agreeing + count.diverging == count.expected
        assert count.diverging == sum(step == name for _, step in told)
        assert 0 <= count.agreeing <= count.expected
    assert sum(result.rows.values()) == rows
    not_imported = [one.line for one in result.found if one.divergence.kind == "not_imported"]
    gone = run.rows.filter(external_id__in=taken_back(run), outcome__in=["", "failed"]).count()
    assert len(not_imported) + gone == result.rows["failed"] + result.rows["pending"]


def steps_of(run: BackfillRun) -> Any:
    return BackfillStep.objects.filter(row__run=run).select_related("row")


def test_a_shared_customer_who_has_gone_is_told_for_each_card_and_counted_once(lago: Sandbox) -> None:
    run = run_of(imported([row(1, id_tag=f"CARD{card}") for card in (1, 2, 3)]))
    run.rows.filter(line=4).update(outcome="failed")
    IdTagMapping.objects.all().delete()
    User.objects.all().delete()

    result = reconciled(run)

    assert [one.line for one in result.found if one.divergence.kind == "missing" and one.step == "user"] == [
        2,
        3,
        4,
    ]
    assert (result.steps["user"].expected, result.steps["user"].agreeing) == (1, 0)
    assert_adds_up(run, result, rows=3)


# --- Rows that failed ---------------------------------------------------------------------------------


def half_done(lago: Sandbox) -> BackfillRun:
    """A run of three: one failed in a call, after its customer and mapping were made; one was refused."""
    lago.fault("500,method=POST,path=/subscriptions,times=5")
    given = [row(1), row(2), row(3, plan_code="nonsense")]
    return run_of(imported(given, allow_partial=True, concurrency=1))


def test_what_a_failed_row_made_is_counted_and_as_recorded(lago: Sandbox) -> None:
    result = reconciled(half_done(lago))

    counts = {name: (one.expected, one.agreeing, one.diverging) for name, one in result.steps.items()}
    assert counts == {
        "user": (2, 2, 0),
        "id_tag_mapping": (2, 2, 0),
        "lago_customer": (2, 2, 0),
        "lago_subscription": (1, 1, 0),
    }
    assert dict(result.rows) == {"failed": 2, "created": 1}


def test_what_a_failed_row_made_and_has_gone_is_not_as_recorded(lago: Sandbox) -> None:
    run = half_done(lago)
    failed = run.rows.get(outcome="failed", user__isnull=False)
    assert failed.user is not None
    assert failed.mapping is not None
    failed.mapping.delete()
    failed.user.delete()

    result = reconciled(run)

    assert (result.steps["user"].agreeing, result.steps["id_tag_mapping"].agreeing) == (1, 1)
    told = [(one.step, one.divergence.kind) for one in result.found if one.line == failed.line]
    assert told == [("user", "not_imported"), ("user", "missing"), ("id_tag_mapping", "missing")]


def test_a_mapping_of_a_failed_row_that_another_customer_has_is_named(lago: Sandbox) -> None:
    run = half_done(lago)
    failed = run.rows.get(outcome="failed", user__isnull=False)
    other = run.rows.get(outcome="created").user
    IdTagMapping.objects.filter(pk=failed.mapping_id).update(user=other)

    told = [one.divergence.kind for one in reconciled(run).found if one.step == "id_tag_mapping"]

    assert told == ["other_owner"]


# --- Thousands of one kind ------------------------------------------------------------------------------


def test_rows_that_were_not_reached_are_one_line_and_others_keep_theirs(lago: Sandbox) -> None:
    run = run_of(imported([row(number) for number in range(1, 10)]))
    run.rows.exclude(line=10).update(outcome="")
    BackfillStep.objects.filter(row__run=run).exclude(row__line=10).update(state=State.PLANNED, ref="")
    IdTagMapping.objects.filter(id_tag="TAG0009").update(is_active=False)

    groups = grouped(reconciled(run).found)

    assert [(one.lines, one.external_ids, one.number, one.found.divergence.kind) for one in groups] == [
        ("2, 3, 4, …", "C-1, C-2, C-3 and 5 more", 8, "not_imported"),
        ("10", "C-9", 1, "inactive"),
    ]


def test_rows_that_failed_for_other_reasons_are_other_lines(lago: Sandbox) -> None:
    groups = grouped(reconciled(half_done(lago)).found)

    assert [(one.lines, one.found.divergence.found) for one in groups] == [
        ("2", "lago_unreachable"),
        ("4", "plan_not_found"),
    ]

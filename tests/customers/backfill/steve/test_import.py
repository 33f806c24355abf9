"""An import with SteVe from end to end: what is made, what is said of it, what is taken back."""

from collections import Counter
from typing import Any

import pytest

from auditlog.models import AuditEntry
from charging.charge_point import ChargePointError
from customers.backfill.ledger.runs import describe
from customers.models import BackfillRun, IdTagMapping, User
from rehearsal.lago import Sandbox
from rehearsal.steve import SteveSandbox
from tests.customers.backfill.steve.world import (
    STEPS,
    as_json,
    charge,
    divergences,
    let_bill,
    manifest,
    planned_revert,
    reverted,
    run_of,
    states,
    tags,
)
from tests.customers.factories import all_steps, imported, planned, row, rows, steps, unchanged

pytestmark = pytest.mark.django_db


@pytest.mark.matrix
def test_a_thousand_rows_make_a_thousand_id_tags_and_a_revert_keeps_the_one_that_charged(
    steve: SteveSandbox, lago: Sandbox
) -> None:
    report = imported(rows(1000))

    run = run_of(report)
    numbers = {tag: known["ocppTagPk"] for tag, known in tags(steve).items()}
    assert (report.status, len(numbers)) == ("succeeded", 1000)
    assert dict(IdTagMapping.objects.values_list("id_tag", "steve_ocpp_tag_pk")) == numbers
    assert lago.requests()["total"] <= 2100
    assert divergences(run) == []

    let_bill(steve)
    assert charge(steve, "TAG0500").authorised == "Accepted"
    with pytest.raises(ChargePointError, match="Invalid"):
        charge(steve, "TAG9999")

    undone = reverted(run, discard_activity=True)

    left = tags(steve)
    assert (undone.status, list(left), left["TAG0500"]["blocked"]) == ("reverted", ["TAG0500"], True)
    assert [session["ocppIdTag"] for session in steve.state()["transactions"]] == ["TAG0500"]
    assert not IdTagMapping.objects.exists()
    lines = manifest(undone)
    assert len(lines) == 1000
    assert [line for line in lines if "outcome=removed" not in line] == [
        line
        for line in lines
        if "external_id=C-500 " in line and "outcome=kept" in line and "sessions: 1" in line
    ]


def test_the_dry_run_names_the_step_and_writes_nothing(steve: SteveSandbox, lago: Sandbox) -> None:
    is_unchanged = unchanged(lago)

    report = planned(rows(2))

    assert steps(report) == dict.fromkeys(STEPS, "create")
    assert as_json(report)["target"]["steve"] == {"url": steve.url}
    assert is_unchanged()
    assert tags(steve) == {}


def test_ledger_log_audit_and_runs_tell_of_the_step(steve: SteveSandbox) -> None:
    report = imported(rows(2))

    run = run_of(report)
    assert steps(report) == dict.fromkeys(STEPS, "created")
    assert states(run) == [
        ("created", str(tags(steve)[name]["ocppTagPk"])) for name in ("TAG0001", "TAG0002")
    ]
    assert describe(run).steps["steve_id_tag"] == {"created": 2}
    log = report.log_path.read_text() if report.log_path else ""
    assert f"steve={steve.url}" in log
    assert log.count("steve_id_tag=created") == 2
    assert AuditEntry.objects.filter(action="steve_id_tag.created", tag=run.audit_tag).count() == 2
    assert "TAG0001" not in log + str(list(AuditEntry.objects.values_list("data", flat=True)))


def test_without_steve_nothing_is_asked_of_it_and_the_report_says_so(
    steve: SteveSandbox, settings: Any
) -> None:
    settings.STEVE_BASE_URL = settings.STEVE_API_USERNAME = settings.STEVE_API_KEY = ""

    report = imported(rows(1))

    assert (report.status, steps(report)) == ("succeeded", all_steps("created"))
    assert as_json(report)["target"]["steve"] is None
    assert IdTagMapping.objects.get().steve_ocpp_tag_pk is None
    assert "steve=none" in (report.log_path.read_text() if report.log_path else "")
    assert steve.state()["requests"] == {}


def test_each_card_of_a_customer_is_an_id_tag_of_its_own(steve: SteveSandbox, lago: Sandbox) -> None:
    report = imported([row(1), row(1, id_tag="SECOND"), row(1, id_tag="THIRD"), row(2)])

    run = run_of(report)
    assert (report.status, len(lago.state()["customers"])) == ("succeeded", 2)
    assert [steps(report, line)["steve_id_tag"] for line in (2, 3, 4, 5)] == ["created"] * 4
    assert Counter(IdTagMapping.objects.values_list("user__external_id", flat=True)) == {"C-1": 3, "C-2": 1}
    assert divergences(run) == []
    assert all(charge(steve, tag).authorised == "Accepted" for tag in tags(steve))


def test_a_revert_leaves_no_trace_where_nobody_charged(steve: SteveSandbox, lago: Sandbox) -> None:
    run = run_of(imported([*rows(3), row(1, id_tag="SECOND")]))

    plan, undone = planned_revert(run), reverted(run)

    assert (plan.active, undone.status) == ({}, "reverted")
    assert [row.goes for row in plan.rows if "steve_id_tag" not in row.goes] == []
    assert (tags(steve), lago.state(live=True)["customers"], User.objects.count()) == ({}, [], 0)
    assert lago.journal() == {"invoices": [], "credit_notes": []}
    assert reverted(run).status == "nothing"


def test_a_revert_asks_about_who_charged_and_can_leave_them_whole(steve: SteveSandbox) -> None:
    run = run_of(imported([row(1), row(1, id_tag="SECOND"), row(2)]))
    charge(steve, "SECOND")

    plan, refused = planned_revert(run), reverted(run)
    undone = reverted(run, keep_active=True)

    assert {key: list(reasons) for key, reasons in plan.active.items()} == {"C-1": ["charged since"]}
    assert (refused.status, undone.status) == ("refused", "reverted")
    assert sorted(tags(steve)) == ["SECOND", "TAG0001"]
    assert not any(tag["blocked"] for tag in tags(steve).values())
    assert IdTagMapping.objects.filter(is_active=True).count() == 2


def test_the_revert_plan_says_that_an_id_tag_with_a_history_stays(steve: SteveSandbox) -> None:
    run = run_of(imported(rows(2)))
    charge(steve, "TAG0001")

    plan = planned_revert(run)
    reverted(run, discard_activity=True)

    told = {one.external_id: one.stays.get("steve_id_tag", "") for one in plan.rows}
    assert ("sessions: 1" in told["C-1"], told["C-2"]) == (True, "")
    assert [state for state, _ in states(run)] == ["kept", "removed"]


def test_the_same_file_can_be_imported_again_after_a_revert(steve: SteveSandbox) -> None:
    run = run_of(imported(rows(2)))
    charge(steve, "TAG0001")
    reverted(run, discard_activity=True)

    refused, again = planned(rows(2)), imported(rows(2), skip_existing=True)

    assert refused.status == "would_fail"
    assert again.status == "succeeded"
    assert charge(steve, "TAG0001").authorised == "Accepted"
    assert BackfillRun.objects.count() == 2

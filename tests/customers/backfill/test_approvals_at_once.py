"""Two people at the same plan at the same instant: one is under way, and not yet to be seen by the other."""

from typing import Any

import pytest
from django.db import transaction

from auditlog.models import record
from customers.backfill import approvals, preview_changes, uploads
from customers.backfill.preview_changes import Change, changed
from customers.backfill.refused import Refused
from customers.models import BackfillRun, BackfillUpload, PlanApproval, User
from rehearsal.lago import Sandbox
from tests.customers.admin.world import (
    CONFIRM,
    audited,
    client_of,
    confirmation,
    customers_csv,
    member_of_staff,
    preview_of,
    preview_page,
    said,
)
from tests.support.sessions import Begin

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def required(settings: Any) -> None:
    settings.BACKFILL_REQUIRE_APPROVAL = True


@pytest.fixture
def anna(lago: Sandbox) -> User:
    return member_of_staff("run_backfill", email="anna@operator.example")


@pytest.fixture
def bert() -> User:
    return member_of_staff("approve_backfill", "run_backfill", email="bert@operator.example")


@pytest.fixture
def cleo() -> User:
    return member_of_staff("approve_backfill", email="cleo@operator.example")


@pytest.fixture
def upload(anna: User) -> BackfillUpload:
    return preview_of(client_of(anna), customers_csv(2))


@pytest.fixture
def plan(upload: BackfillUpload, anna: User) -> PlanApproval:
    return approvals.ask(upload, anna)


def another_plan(upload: BackfillUpload) -> tuple[BackfillUpload, BackfillUpload, Change]:
    """Make a plan of another file, and leave out only to put it in the place of what was."""
    now = BackfillUpload.objects.get(pk=upload.pk)
    change = Change("preview.corrected", {}, data=customers_csv(3))
    anew = changed(now, change)
    uploads.planned(anew)
    return now, anew, change


def statuses() -> list[str]:
    return list(PlanApproval.objects.order_by("pk").values_list("status", flat=True))


# --- Approved ----------------------------------------------------------------------------------------


def test_of_two_who_approve_at_once_one_has(
    plan: PlanApproval, bert: User, cleo: User, in_another_session: Begin
) -> None:
    with transaction.atomic():
        approvals.approve(plan, bert)
        second = in_another_session(lambda: approvals.approve(PlanApproval.objects.get(pk=plan.pk), cleo))
    refused = second.ended()

    assert isinstance(refused, Refused)
    assert str(refused) == "This plan is approved already."
    assert PlanApproval.objects.get().decided_by == f"staff:{bert.pk}"
    assert len(audited("plan.approved")) == 1


def test_of_a_double_click_one_counts_and_nobody_is_told_off(
    plan: PlanApproval, bert: User, in_another_session: Begin
) -> None:
    with transaction.atomic():
        approvals.approve(plan, bert)
        second = in_another_session(lambda: approvals.approve(PlanApproval.objects.get(pk=plan.pk), bert))

    assert second.ended() is None
    assert len(audited("plan.approved")) == 1


@pytest.mark.parametrize("declines_first", [True, False])
def test_who_declines_at_once_with_an_approval_is_obeyed(
    plan: PlanApproval, bert: User, cleo: User, in_another_session: Begin, declines_first: bool
) -> None:
    def decline() -> None:
        approvals.decline(PlanApproval.objects.get(pk=plan.pk), cleo, "Not before Monday.")

    def approve() -> None:
        approvals.approve(PlanApproval.objects.get(pk=plan.pk), bert)

    first, then = (decline, approve) if declines_first else (approve, decline)
    with transaction.atomic():
        first()
        second = in_another_session(then)

    assert isinstance(second.ended(), Refused) is declines_first
    assert statuses() == ["declined"]


# --- Taken back --------------------------------------------------------------------------------------


def test_what_is_discarded_at_once_is_not_approved(
    upload: BackfillUpload, plan: PlanApproval, anna: User, bert: User, in_another_session: Begin
) -> None:
    with transaction.atomic():
        assert uploads.discard(upload.pk, anna)
        second = in_another_session(lambda: approvals.approve(PlanApproval.objects.get(pk=plan.pk), bert))

    assert str(second.ended()) == "This plan is withdrawn already."
    assert (statuses(), audited("plan.approved")) == (["withdrawn"], [])


def test_what_is_approved_at_once_is_discarded_all_the_same(
    upload: BackfillUpload, plan: PlanApproval, anna: User, bert: User, in_another_session: Begin
) -> None:
    with transaction.atomic():
        approvals.approve(plan, bert)
        second = in_another_session(lambda: uploads.discard(upload.pk, anna))

    assert second.ended() is True
    assert (statuses(), BackfillUpload.objects.count()) == (["withdrawn"], 0)


@pytest.mark.parametrize("changes_first", [True, False])
def test_another_plan_at_once_with_an_approval_is_not_approved(
    upload: BackfillUpload, plan: PlanApproval, anna: User, bert: User, in_another_session: Begin,
    changes_first: bool,
) -> None:  # fmt: skip
    anew = another_plan(upload)

    def change() -> None:
        preview_changes.put_in_place(*anew, anna)

    def approve() -> None:
        approvals.approve(PlanApproval.objects.get(pk=plan.pk), bert)

    first, then = (change, approve) if changes_first else (approve, change)
    with transaction.atomic():
        first()
        second = in_another_session(then)

    assert isinstance(second.ended(), Refused) is changes_first
    assert statuses() == ["withdrawn"]


@pytest.mark.parametrize("way", ["change", "discard"])
def test_an_approval_in_the_middle_of_a_change_waits_and_neither_falls_over_the_other(
    upload: BackfillUpload, plan: PlanApproval, anna: User, bert: User, in_another_session: Begin,
    monkeypatch: pytest.MonkeyPatch, way: str,
) -> None:  # fmt: skip
    """The preview is changed, and its approval not yet taken back, when somebody approves."""
    anew, begun = another_plan(upload), []

    def in_between(*given: Any) -> None:
        begun.append(
            in_another_session(lambda: approvals.approve(PlanApproval.objects.get(pk=plan.pk), bert))
        )

    if way == "change":
        monkeypatch.setattr(preview_changes, "record", lambda *given: (in_between(), record(*given)))
        preview_changes.put_in_place(*anew, anna)
    else:
        withdraw = approvals.withdraw
        monkeypatch.setattr(approvals, "withdraw", lambda *given: (in_between(), withdraw(*given)))
        uploads.discard(upload.pk, anna)

    assert str(begun[0].ended()) == "This plan is withdrawn already."
    assert statuses() == ["withdrawn"]


# --- Imported ----------------------------------------------------------------------------------------


@pytest.fixture
def approved(upload: BackfillUpload, plan: PlanApproval, bert: User) -> BackfillUpload:
    approvals.approve(plan, bert)
    return upload


def test_of_two_who_import_an_approved_plan_at_once_one_does(
    approved: BackfillUpload, anna: User, bert: User, in_another_session: Begin
) -> None:
    one, other = client_of(anna), client_of(bert)
    fields, others = (confirmation(preview_page(client, approved)) for client in (one, other))

    with transaction.atomic():
        first = one.post(CONFIRM, fields)
        second = in_another_session(lambda: other.post(CONFIRM, others))
    late = second.ended()

    run = BackfillRun.objects.get()
    assert (first.status_code, late.status_code) == (302, 302)
    assert PlanApproval.objects.get().run == run
    assert (len(audited("run.queued")), len(audited("run.approved"))) == (1, 1)
    assert BackfillUpload.objects.get().uploaded_by == anna
    assert any("Nothing was started." in message for message in said(other, late))


def test_what_is_changed_at_once_is_not_imported(
    approved: BackfillUpload, anna: User, bert: User, in_another_session: Begin
) -> None:
    client = client_of(bert)
    fields, anew = confirmation(preview_page(client, approved)), another_plan(approved)

    with transaction.atomic():
        preview_changes.put_in_place(*anew, anna)
        second = in_another_session(lambda: client.post(CONFIRM, fields))
    answer = second.ended()

    assert not BackfillRun.objects.exists()
    assert statuses() == ["withdrawn"]
    assert BackfillUpload.objects.get().rows == 3
    assert any("changed or confirmed in the meantime" in message for message in said(client, answer))


def test_what_is_imported_at_once_is_not_changed(
    approved: BackfillUpload, anna: User, in_another_session: Begin
) -> None:
    client = client_of(anna)
    fields, anew = confirmation(preview_page(client, approved)), another_plan(approved)

    with transaction.atomic():
        client.post(CONFIRM, fields)
        second = in_another_session(lambda: preview_changes.put_in_place(*anew, anna))

    assert str(second.ended()) == "This preview was changed or confirmed in the meantime."
    assert (statuses(), BackfillUpload.objects.get().rows) == (["approved"], 2)


@pytest.mark.parametrize("imports_first", [True, False])
def test_an_approval_is_taken_back_or_begun_with_and_never_both(
    approved: BackfillUpload, plan: PlanApproval, anna: User, cleo: User, in_another_session: Begin,
    imports_first: bool,
) -> None:  # fmt: skip
    client = client_of(anna)
    fields = confirmation(preview_page(client, approved))

    def decline() -> None:
        approvals.decline(PlanApproval.objects.get(pk=plan.pk), cleo, "Not before Monday.")

    def begin() -> None:
        client.post(CONFIRM, fields)

    first, then = (begin, decline) if imports_first else (decline, begin)
    with transaction.atomic():
        first()
        second = in_another_session(then)
    refused = second.ended()

    asked = PlanApproval.objects.get()
    assert isinstance(refused, Refused) is imports_first
    assert (asked.status, asked.run is not None) == (
        ("approved", True) if imports_first else ("declined", False)
    )

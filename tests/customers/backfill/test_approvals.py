"""Who approves what, when it falls away, and what an import is held to."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from customers import jobs
from customers.backfill import approvals, stored_preview, uploads
from customers.backfill.approved import standing_of
from customers.backfill.refused import Refused
from customers.models import BackfillRun, BackfillUpload, PlanApproval, User
from rehearsal.lago import Sandbox
from tests.customers.admin.world import (
    CONFIRM,
    IMPORT,
    audited,
    client_of,
    confirm,
    confirmation,
    csv_file,
    customers_csv,
    member_of_staff,
    preview_of,
    preview_page,
    preview_url,
    run_url,
    text_of,
    words_of,
)
from tests.customers.backfill.prepaid.given import give_wallet, next_month, owed
from tests.customers.factories import lago_customer, lago_subscription, row, rows
from tests.customers.jobs.test_jobs import SliceOfRows
from tests.customers.undoing import called, latest_run, reverted
from tests.rehearsal.lago.calls import Caller

pytestmark = pytest.mark.django_db

Given = Callable[..., BackfillUpload]


@pytest.fixture(autouse=True)
def required(settings: Any) -> None:
    settings.BACKFILL_REQUIRE_APPROVAL = True


@pytest.fixture
def anna(lago: Sandbox) -> User:
    """Who imports; she could approve as well, but not her own."""
    return member_of_staff("run_backfill", "approve_backfill", email="anna@operator.example")


@pytest.fixture
def bert() -> User:
    return member_of_staff("approve_backfill", "run_backfill", email="bert@operator.example")


@pytest.fixture
def approved(anna: User, bert: User) -> Given:
    """Take a file as far as its approval."""

    def take(data: bytes = customers_csv(3), **options: Any) -> BackfillUpload:
        upload = preview_of(client_of(anna), data, **options)
        approvals.approve(approvals.ask(upload, anna), bert)
        return fresh(upload)

    return take


def fresh(upload: BackfillUpload) -> BackfillUpload:
    return BackfillUpload.objects.get(pk=upload.pk)


def state(upload: BackfillUpload) -> str:
    upload = fresh(upload)
    return standing_of(upload, stored_preview.unpack(upload)).state


def worked(upload: BackfillUpload, user: User) -> BackfillRun:
    """Confirm a preview, and have the worker take it up."""
    confirm(client_of(user), upload)
    run = fresh(upload).run
    assert run is not None
    jobs.import_run(run.pk)
    run.refresh_from_db()
    return run


# --- Asked, approved, declined -----------------------------------------------------------------------


def test_an_approved_preview_is_imported_and_the_audit_log_says_who(anna: User, approved: Given) -> None:
    run = worked(approved(), anna)

    assert run.status == "succeeded"
    assert [one.actor for one in audited("plan.asked")] == [f"staff:{anna.pk}"]
    assert [one.actor for one in audited("run.approved")] == [one.actor for one in audited("plan.approved")]
    assert PlanApproval.objects.get().run == run


@pytest.mark.parametrize("is_superuser", [False, True])
def test_nobody_approves_what_they_have_uploaded(anna: User, is_superuser: bool) -> None:
    User.objects.filter(pk=anna.pk).update(is_superuser=is_superuser)
    upload = preview_of(client_of(anna), customers_csv(2))

    with pytest.raises(Refused, match="Nobody approves"):
        approvals.approve(approvals.ask(upload, anna), User.objects.get(pk=anna.pk))

    assert state(upload) == "waiting"


@pytest.mark.parametrize("what", ["options", "correct"])
def test_nobody_approves_what_they_have_corrected_or_chosen_options_for(
    anna: User, bert: User, what: str
) -> None:
    upload = preview_of(client_of(anna), customers_csv(2))
    page = client_of(bert).get(preview_url(upload))
    edition = page.context["edition"]
    given = {"options": {"skip_existing": "on"}, "correct": {"without": "3"}}[what]

    client_of(bert).post(f"{preview_url(upload)}{what}/", {"edition": edition} | given)

    with pytest.raises(Refused, match="Nobody approves"):
        approvals.approve(approvals.ask(fresh(upload), anna), bert)


def test_a_double_click_approves_once_and_two_people_are_told_apart(anna: User, bert: User) -> None:
    plan = approvals.ask(preview_of(client_of(anna), customers_csv(2)), anna)
    cleo = member_of_staff("approve_backfill", email="cleo@operator.example")

    approvals.approve(plan, bert)
    approvals.approve(plan, bert)
    with pytest.raises(Refused, match="approved already"):
        approvals.approve(plan, cleo)

    assert len(audited("plan.approved")) == 1


def test_what_waits_is_marked_where_previews_are_listed_and_on_the_overview(anna: User, bert: User) -> None:
    approvals.ask(preview_of(client_of(anna), customers_csv(2)), anna)

    assert "waits for approval" in text_of(client_of(bert).get(IMPORT))
    assert "waits for approval" in text_of(client_of(bert).get("/admin/"))
    assert "waits for approval" not in text_of(client_of(anna).get(f"{IMPORT}approvals/"))
    assert "customers.csv" in text_of(client_of(anna).get(f"{IMPORT}approvals/"))


def test_asking_twice_asks_once(anna: User) -> None:
    upload = preview_of(client_of(anna), customers_csv(2))

    assert approvals.ask(upload, anna) == approvals.ask(upload, anna)
    assert len(audited("plan.asked")) == 1


def test_a_decline_says_why_on_the_page_and_nowhere_else(anna: User, bert: User) -> None:
    upload = preview_of(client_of(anna), customers_csv(2))
    approvals.decline(approvals.ask(upload, anna), bert, "Wait for\nthe new prices.")

    page = preview_page(client_of(anna), upload)

    assert "Wait for the new prices." in page
    assert 'id="why-not-yet"' in page
    assert "new prices" not in str([one.data for one in audited("plan.declined")])
    with pytest.raises(Refused, match="Say why"):
        approvals.decline(approvals.ask(upload, anna), bert, "  ")


def test_what_would_fail_cannot_be_asked_for(anna: User) -> None:
    upload = preview_of(client_of(anna), csv_file([row(1, plan_code="nowhere")]))

    with pytest.raises(Refused, match="Rows would fail"):
        approvals.ask(upload, anna)


# --- It falls away -----------------------------------------------------------------------------------


@pytest.mark.parametrize("then", ["waiting", "approved"])
def test_a_correction_takes_it_back_and_the_page_names_what_changed(
    anna: User, bert: User, then: str
) -> None:
    upload = preview_of(client_of(anna), customers_csv(3))
    plan = approvals.ask(upload, anna)
    if then == "approved":
        approvals.approve(plan, bert)
    client = client_of(anna)
    page = client.get(preview_url(upload))

    client.post(
        f"{preview_url(upload)}correct/",
        {"edition": page.context["edition"], "without": "4"},
    )

    assert state(upload) == "stale"
    assert "line 4: create → not there" in preview_page(client, fresh(upload))
    assert len(audited("plan.withdrawn")) == 1
    with pytest.raises(Refused, match="withdrawn already"):
        approvals.approve(plan, bert)


def test_the_same_plan_made_once_more_stays_approved(anna: User, approved: Given) -> None:
    upload = approved()
    client = client_of(anna)
    page = client.get(preview_url(upload))

    client.post(f"{preview_url(upload)}options/", {"edition": page.context["edition"]})

    assert state(upload) == "approved"
    assert audited("preview.planned_anew")


def test_a_discarded_preview_leaves_no_approval_behind(anna: User, approved: Given) -> None:
    upload = approved()

    uploads.discard(upload.pk, anna)

    assert [plan.status for plan in PlanApproval.objects.all()] == ["withdrawn"]
    assert state(preview_of(client_of(anna), customers_csv(3))) == "unasked"


def test_a_preview_that_waits_is_kept_for_a_day(anna: User, time_machine: Any) -> None:
    upload = preview_of(client_of(anna), customers_csv(2))
    asked = approvals.ask(upload, anna).asked_at

    time_machine.move_to(asked + timedelta(hours=23))
    uploads.forget_old()
    was_kept = BackfillUpload.objects.exists()
    time_machine.move_to(asked + timedelta(hours=25))
    for _ in range(2):  # first the file, then what is left of its plan
        uploads.forget_old()

    assert was_kept
    assert not BackfillUpload.objects.exists()
    assert not PlanApproval.objects.exists()


def test_an_approval_that_nobody_used_for_a_day_is_none(
    anna: User, approved: Given, time_machine: Any
) -> None:
    upload = approved()

    time_machine.move_to(timezone.now() + timedelta(hours=25))

    assert state(upload) == "unasked"


def test_one_approval_is_for_one_run(anna: User, approved: Given) -> None:
    worked(approved(), anna)
    reverted(latest_run())

    assert state(preview_of(client_of(anna), customers_csv(3))) == "unasked"


# --- The worker asks again ---------------------------------------------------------------------------


def test_without_approval_nothing_is_confirmed(anna: User, bert: User, approved: Given) -> None:
    upload = approved()
    fields = confirmation(preview_page(client_of(anna), upload))
    approvals.decline(PlanApproval.objects.get(), bert, "No.")

    client_of(anna).post(CONFIRM, fields)

    assert fresh(upload).run is None
    assert not BackfillRun.objects.exists()


def test_an_approval_that_is_taken_back_in_the_queue_stops_the_worker(anna: User, approved: Given) -> None:
    upload = approved()
    confirm(client_of(anna), upload)
    PlanApproval.objects.update(run=None, status="withdrawn")
    run = BackfillRun.objects.get()

    jobs.import_run(run.pk)

    run.refresh_from_db()
    assert "nobody has" in run.reason
    assert not User.objects.filter(role="customer").exists()


def test_why_it_was_declined_stays_out_of_what_a_run_is_told_with(anna: User, approved: Given) -> None:
    upload = approved()
    confirm(client_of(anna), upload)
    PlanApproval.objects.update(
        run=None, status="declined", reason="Ask Carla.", decided_by="staff:77", decided_at=timezone.now()
    )
    run = BackfillRun.objects.get()

    jobs.import_run(run.pk)

    run.refresh_from_db()
    assert "This import was declined by staff:77 on " in run.reason
    assert "Carla" not in run.reason


def test_a_price_that_changed_is_told_with_its_lines_as_at_the_terminal(
    anna: User, approved: Given, lago: Sandbox
) -> None:
    upload = approved()
    lago.put_plans("standard:9900")

    run = worked(upload, anna)

    assert run.status == "interrupted"
    assert run.reason.startswith("This is not the plan that was approved: line 2: first invoice ")
    assert re.search(r"line 3: first invoice \S+ 10\.00 EUR → \S+ 99\.00 EUR", run.reason)
    assert run.reason.endswith(uploads.PREVIEW_AGAIN)
    assert lago.state(live=True)["subscriptions"] == []


def test_another_action_stops_the_worker_before_anything_is_written(
    anna: User, approved: Given, lago: Sandbox
) -> None:
    upload = approved(skip_existing="on", allow_partial="on")
    lago_customer(lago, 2)
    lago_subscription(lago, 2, plan_code="fleet", external_id="theirs")

    run = worked(upload, anna)

    assert run.status == "interrupted"
    assert "line 3: create → fail (lago_subscription_conflict)" in run.reason
    assert run.reason.endswith(uploads.PREVIEW_AGAIN)
    assert not User.objects.filter(role="customer").exists()
    assert not lago.state(live=True)["wallets"]


def test_another_code_stops_the_worker(anna: User, approved: Given, lago: Sandbox, by_hand: Caller) -> None:
    lago_customer(lago, 1)
    upload = approved(skip_existing="on")
    by_hand.customer("C-1", name="Somebody else")

    run = worked(upload, anna)

    assert "lago_customer_currency_will_be_set, lago_customer_differs" in run.reason


def test_another_first_invoice_stops_the_worker(anna: User, approved: Given, lago: Sandbox) -> None:
    upload = approved()
    next_month(lago)

    run = worked(upload, anna)

    assert "3 rows" not in run.reason
    assert run.reason.count("first invoice 20") == 3
    assert run.status == "interrupted"


def test_another_sum_stops_the_worker(anna: User, approved: Given, lago: Sandbox, by_hand: Caller) -> None:
    lago_customer(lago, 1)
    upload = approved(csv_file([owed(1), row(2)]), skip_existing="on")
    give_wallet(by_hand)

    run = worked(upload, anna)

    assert "EUR: 50.00 EUR in 1 → none" in run.reason
    assert run.status == "interrupted"


def test_what_stopped_it_can_be_approved_anew_and_continues_the_run(
    anna: User, bert: User, approved: Given, lago: Sandbox
) -> None:
    upload = approved()
    next_month(lago)
    run = worked(upload, anna)

    again = preview_of(client_of(anna), customers_csv(3))
    approvals.approve(approvals.ask(again, anna), bert)

    assert worked(again, anna) == run
    run.refresh_from_db()
    assert run.status == "succeeded"


def test_a_strangers_sign_up_in_lago_changes_nothing(anna: User, approved: Given, lago: Sandbox) -> None:
    upload = approved()
    lago_customer(lago, 99)
    lago_subscription(lago, 99)

    run = worked(upload, anna)

    assert run.status == "succeeded"


def test_the_next_slice_of_a_run_needs_no_new_approval(anna: User, approved: Given, settings: Any) -> None:
    settings.BACKFILL_BATCH_SIZE, settings.BACKFILL_CONCURRENCY = 5, 2
    cards = [row(number % 30 + 1, id_tag=f"TAG{number:04}") for number in range(60)]
    upload = approved(csv_file(cards))
    confirm(client_of(anna), upload)
    run = BackfillRun.objects.get()
    slices = 1

    while jobs.import_run(run.pk, slice_of=SliceOfRows) == "more":
        slices += 1

    run.refresh_from_db()
    assert slices > 1
    assert run.status == "succeeded"


def test_a_stopped_run_is_continued_by_its_approval_although_a_day_has_gone(
    anna: User, approved: Given, settings: Any
) -> None:
    settings.BACKFILL_BATCH_SIZE, settings.BACKFILL_CONCURRENCY = 5, 2
    upload = approved(customers_csv(60))
    confirm(client_of(anna), upload)
    run = BackfillRun.objects.get()
    jobs.import_run(run.pk, slice_of=SliceOfRows)
    PlanApproval.objects.update(decided_at=timezone.now() - timedelta(days=3))

    jobs.import_run(run.pk)

    run.refresh_from_db()
    assert run.status == "succeeded"


def test_a_run_says_who_approved_its_plan_and_when(approved: Given, anna: User, bert: User) -> None:
    User.objects.filter(pk=bert.pk).update(display_name="Bert Boss")
    run = worked(approved(), anna)
    plan = PlanApproval.objects.get()

    page = words_of(client_of(anna).get(run_url(run)))
    shown = called("backfill_runs", run.run_id)
    document = called("backfill_runs", run.run_id, "--format", "json").json

    when = f"{plan.decided_at:%Y-%m-%d %H:%M:%S} UTC"
    assert f"Approved {when} by Bert Boss asked for by Sam Staff on " in page
    assert f"Plan  approved by Bert Boss at {when}, asked for by Sam Staff at " in shown.out
    assert "By    Sam Staff, begun " in shown.out
    (told,) = document["approvals"]
    assert (told["approved_by"], told["asked_by"]) == (f"staff:{bert.pk}", f"staff:{anna.pk}")
    assert told["plan"] == plan.digest


# --- What is kept ------------------------------------------------------------------------------------


def test_the_facts_of_a_preview_are_those_that_its_digest_names(anna: User) -> None:
    given = [*rows(2), row(2, id_tag="SECOND"), row(3, plan_code="none"), owed(4)]
    upload = preview_of(client_of(anna), csv_file(given), allow_partial="on")

    preview = stored_preview.unpack(upload)
    plan = approvals.ask(upload, anna)

    assert preview.facts().digest() == preview.digest == plan.digest
    assert approvals.facts_of(plan) == preview.facts()
    assert not any(
        word in str(preview.facts().as_json()) for word in ("example.com", "Customer 1", "TAG0001")
    )


def test_without_the_setting_nothing_is_asked(anna: User, settings: Any) -> None:
    settings.BACKFILL_REQUIRE_APPROVAL = False
    upload = preview_of(client_of(anna), customers_csv(2))

    page = preview_page(client_of(anna), upload)
    run = worked(upload, anna)

    assert 'id="approval"' not in page
    assert stored_preview.unpack(upload).digest == ""
    assert run.status == "succeeded"

"""What a plan says of rows, given what exists here and in Lago."""

from datetime import UTC, datetime

import pytest

from customers.models import BackfillRow, BackfillRun, BackfillStep, IdTagMapping
from rehearsal.lago import Sandbox
from tests.customers.factories import (
    actions,
    all_steps,
    client_of,
    codes,
    customer,
    imported,
    lago_customer,
    lago_subscription,
    mapping,
    planned,
    row,
    rows,
    set_wrong,
    staff,
    steps,
    told,
    warnings,
)
from tests.rehearsal.lago.calls import Caller

pytestmark = pytest.mark.django_db


# --- Nothing exists ----------------------------------------------------------------------------------


def test_a_new_row_asks_for_everything(lago: Sandbox) -> None:
    report = planned(rows(1))

    assert report.status == "would_succeed"
    assert actions(report) == ["create"]
    assert steps(report) == all_steps("create")


def test_a_row_that_fails_has_no_steps(lago: Sandbox) -> None:
    report = planned([row(start_date="soon")])

    assert report.status == "would_fail"
    assert (actions(report), steps(report)) == (["fail"], {})


def test_problems_of_values_and_of_the_world_are_told_at_once(lago: Sandbox) -> None:
    mapping(customer(2), 2)

    report = planned([row(id_tag="TAG0002", start_date="soon", plan_code="Standard")])

    assert codes(report) == ["plan_not_found", "start_date_invalid", "id_tag_exists"]


# --- Our database ------------------------------------------------------------------------------------


def test_an_address_of_staff_is_refused_with_and_without_skip_existing(lago: Sandbox) -> None:
    staff("CUSTOMER1@example.com")

    assert codes(planned(rows(1))) == ["email_belongs_to_staff"]
    assert codes(planned(rows(1), skip_existing=True)) == ["email_belongs_to_staff"]


def test_an_address_of_another_customer_is_refused_with_and_without_skip_existing(lago: Sandbox) -> None:
    customer(1, external_id="OTHER")

    assert codes(planned(rows(1))) == ["email_exists"]
    assert codes(planned(rows(1), skip_existing=True)) == ["email_exists"]


def test_an_external_id_with_another_address_is_refused_with_and_without_skip_existing(lago: Sandbox) -> None:
    customer(1, email="other@example.com")

    assert codes(planned(rows(1))) == ["external_id_exists"]
    assert codes(planned(rows(1), skip_existing=True)) == ["external_id_exists"]


def test_an_external_id_that_differs_only_by_case_is_refused(lago: Sandbox) -> None:
    customer(1, external_id="c-1")

    report = planned(rows(1), skip_existing=True)

    assert set(codes(report)) == {"email_exists", "external_id_exists"}


def test_lower_case_is_what_the_database_says_it_is(lago: Sandbox) -> None:
    customer(1, external_id="ΚΩΔΙΚΟΣ", email="other@example.com")

    report = planned([row(external_id="ΚΩΔΙΚΟΣ")])

    assert codes(report) == ["external_id_exists"]


def test_an_id_tag_of_another_customer_is_refused_with_and_without_skip_existing(lago: Sandbox) -> None:
    mapping(customer(2), id_tag="tag0001")

    assert codes(planned(rows(1))) == ["id_tag_exists"]
    assert codes(planned(rows(1), skip_existing=True)) == ["id_tag_exists"]


def test_an_id_tag_of_staff_is_refused(lago: Sandbox) -> None:
    mapping(staff(), 1)

    assert codes(planned(rows(1), skip_existing=True)) == ["id_tag_exists"]


def test_what_exists_and_agrees_is_a_problem_without_skip_existing(lago: Sandbox) -> None:
    mapping(customer())

    assert codes(planned(rows(1))) == ["email_exists", "external_id_exists", "id_tag_exists"]


def test_what_exists_and_agrees_is_adopted_with_skip_existing(lago: Sandbox) -> None:
    customer(1, email="Customer1@Example.com")

    report = planned(rows(1), skip_existing=True)

    assert actions(report) == ["create"]
    assert steps(report) == all_steps("create") | {"user": "adopt"}


# --- Customers who signed up by themselves -----------------------------------------------------------


def test_who_signed_up_directly_is_a_problem_without_skip_existing(lago: Sandbox) -> None:
    customer(1, external_id=None)

    assert codes(planned(rows(1))) == ["email_exists"]


def test_who_signed_up_directly_is_skipped_with_a_warning(lago: Sandbox) -> None:
    customer(1, external_id=None)

    report = planned(rows(1), skip_existing=True)

    assert (actions(report), warnings(report)) == (["skip"], ["email_signed_up_directly"])
    assert report.status == "would_succeed"


def test_a_faulty_row_of_someone_who_signed_up_directly_still_fails(lago: Sandbox) -> None:
    customer(1, external_id=None)

    report = planned([row(start_date="soon")], skip_existing=True)

    assert (actions(report), codes(report)) == (["fail"], ["start_date_invalid"])


# --- Lago --------------------------------------------------------------------------------------------


def test_a_lago_customer_is_a_problem_or_adopted(lago: Sandbox) -> None:
    lago_customer(lago)

    assert codes(planned(rows(1))) == ["lago_customer_exists"]
    assert steps(planned(rows(1), skip_existing=True)) == all_steps("create") | {"lago_customer": "adopt"}


def test_capitals_in_an_address_are_no_difference(lago: Sandbox) -> None:
    lago_customer(lago, email="Customer1@EXAMPLE.com", currency="EUR")

    report = planned([row(1, email="CUSTOMER1@example.com")], skip_existing=True)

    assert (steps(report)["lago_customer"], warnings(report)) == ("adopt", [])


def test_a_lago_customer_with_another_name_is_adopted_with_a_warning(lago: Sandbox) -> None:
    lago_customer(lago, name="Somebody Else", email="else@example.com", currency="EUR")

    report = planned(rows(1), skip_existing=True)

    assert (actions(report), warnings(report)) == (["create"], ["lago_customer_differs"])


def test_a_lago_customer_in_another_currency_is_refused(lago: Sandbox) -> None:
    lago_customer(lago, currency="USD")

    assert codes(planned(rows(1), skip_existing=True)) == ["lago_customer_currency_conflict"]


def test_a_lago_id_is_compared_exactly(lago: Sandbox) -> None:
    lago_customer(lago, external_id="c-1")

    assert steps(planned(rows(1))) == all_steps("create")


def test_a_subscription_that_agrees_is_a_problem_or_adopted(lago: Sandbox) -> None:
    lago_customer(lago)
    lago_subscription(lago)

    adopted = {"lago_customer": "adopt", "lago_subscription": "adopt"}
    assert codes(planned(rows(1))) == ["lago_customer_exists", "lago_subscription_exists"]
    assert steps(planned(rows(1), skip_existing=True)) == all_steps("create") | adopted


def test_a_subscription_on_the_same_plan_under_another_id_is_adopted(lago: Sandbox) -> None:
    lago_customer(lago)
    lago_subscription(lago, external_id="sub-1", subscription_at=datetime(2020, 5, 5, tzinfo=UTC))

    assert steps(planned(rows(1), skip_existing=True))["lago_subscription"] == "adopt"


@pytest.mark.parametrize("external_id", ["backfill-C-1", "sub-1"])
@pytest.mark.parametrize("year", [2024, 2090])
def test_a_subscription_on_another_plan_is_a_conflict_even_if_pending(
    lago: Sandbox, external_id: str, year: int
) -> None:
    lago_customer(lago)
    starts = datetime(year, 1, 1, tzinfo=UTC)
    lago_subscription(lago, external_id=external_id, plan_code="fleet", subscription_at=starts)

    assert codes(planned(rows(1), skip_existing=True)) == ["lago_subscription_conflict"]
    assert "lago_subscription_conflict" in codes(planned(rows(1)))


def test_our_subscription_with_another_start_is_a_conflict(lago: Sandbox) -> None:
    lago_customer(lago)
    lago_subscription(lago, subscription_at=datetime(2024, 1, 2, tzinfo=UTC))

    report = planned(rows(1), skip_existing=True)

    assert [p["field"] for p in told(report)[2]["problems"]] == ["start_date"]
    assert codes(report) == ["lago_subscription_conflict"]


def test_our_subscription_id_under_another_customer_is_refused(lago: Sandbox) -> None:
    lago_customer(lago, 2)
    lago_subscription(lago, external_id="backfill-C-1", external_customer_id="C-2")

    assert codes(planned(rows(1), skip_existing=True)) == ["lago_id_mismatch"]


def test_an_ended_subscription_is_not_in_the_way(lago: Sandbox) -> None:
    lago_customer(lago)
    lago_subscription(lago)
    with client_of(lago) as client:
        client.terminate_subscription("backfill-C-1", pending=False)

    assert steps(planned(rows(1), skip_existing=True))["lago_subscription"] == "create"


def test_a_plan_that_is_being_deleted_warns(lago: Sandbox) -> None:
    lago.put_plans({"code": "standard", "pending_deletion": True})

    report = planned(rows(1))

    assert (actions(report), warnings(report)) == (["create"], ["plan_pending_deletion"])


# --- Several cards of one customer -------------------------------------------------------------------


def test_the_first_row_of_a_customer_makes_what_the_others_share(lago: Sandbox) -> None:
    report = planned([row(), row(id_tag="CARD2"), row(id_tag="CARD3")])

    shared = all_steps("shared") | {"id_tag_mapping": "create"}
    assert [steps(report, line) for line in (2, 3, 4)] == [all_steps("create"), shared, shared]


def test_the_next_good_row_makes_it_where_the_first_is_bad(lago: Sandbox) -> None:
    report = planned([row(id_tag="no card"), row(id_tag="CARD2"), row(id_tag="CARD3")])

    assert actions(report) == ["fail", "create", "create"]
    assert steps(report, 3) == all_steps("create")
    assert steps(report, 4) == all_steps("shared") | {"id_tag_mapping": "create"}


def test_what_exists_already_is_not_shared_but_adopted_by_each_row(lago: Sandbox) -> None:
    lago_customer(lago)

    report = planned([row(), row(id_tag="CARD2")], skip_existing=True)

    assert [steps(report, line)["lago_customer"] for line in (2, 3)] == ["adopt", "adopt"]


def test_every_card_of_someone_who_signed_up_directly_is_skipped(lago: Sandbox) -> None:
    customer(1, external_id=None)

    report = planned([row(), row(id_tag="CARD2")], skip_existing=True)

    assert actions(report) == ["skip", "skip"]


# --- What earlier runs left --------------------------------------------------------------------------


def test_a_finished_file_is_all_done(lago: Sandbox) -> None:
    imported([row(), row(id_tag="CARD2"), row(2)])

    report = planned([row(), row(id_tag="CARD2"), row(2)], skip_existing=True)

    assert actions(report) == ["skip", "skip", "skip"]
    assert [steps(report, line) for line in (2, 3, 4)] == [all_steps("done")] * 3


def test_a_finished_file_is_a_problem_without_skip_existing(lago: Sandbox) -> None:
    imported(rows(1))

    assert codes(planned(rows(1))) == [
        "email_exists",
        "external_id_exists",
        "id_tag_exists",
        "lago_customer_exists",
        "lago_subscription_exists",
    ]


def test_a_further_card_of_an_imported_customer_completes_it(lago: Sandbox) -> None:
    imported(rows(1))

    report = planned([row(id_tag="CARD2")], skip_existing=True)

    assert actions(report) == ["complete"]
    assert steps(report) == all_steps("done") | {"id_tag_mapping": "create"}


def test_what_somebody_made_again_in_lago_is_adopted_and_not_ours(lago: Sandbox) -> None:
    imported(rows(1))
    BackfillStep.objects.filter(name="lago_customer").update(ref="another")

    assert steps(planned(rows(1), skip_existing=True)) == all_steps("done") | {"lago_customer": "adopt"}


def test_a_mapping_that_was_switched_off_after_its_import_stays_so(lago: Sandbox) -> None:
    imported(rows(1))
    IdTagMapping.objects.update(is_active=False)

    assert actions(planned(rows(1), skip_existing=True)) == ["skip"]


def test_a_mapping_that_never_billed_is_completed(lago: Sandbox) -> None:
    imported(rows(1))
    IdTagMapping.objects.update(is_active=False)
    BackfillRow.objects.update(outcome="")

    assert actions(planned(rows(1), skip_existing=True)) == ["complete"]


# --- An unfinished run -------------------------------------------------------------------------------


def leave_unfinished(lago: Sandbox, fault: str) -> BackfillRun:
    """Let the first row fail at one call of Lago."""
    lago.fault(fault)
    report = imported(rows(2), concurrency=1)
    lago.clear_faults()
    assert report.run
    return report.run


def test_a_dry_run_of_an_unfinished_file_says_what_continuing_does(lago: Sandbox) -> None:
    run = leave_unfinished(lago, "500,method=POST,path=/customers,times=5")

    report = planned(rows(2))

    assert report.continues == run.run_id
    assert actions(report) == ["complete", "skip"]
    assert steps(report) == all_steps("create") | {"user": "done", "id_tag_mapping": "done"}


def test_an_unanswered_create_is_settled_by_looking(lago: Sandbox) -> None:
    leave_unfinished(lago, "500_after,method=POST,path=/customers,times=5")

    report = planned(rows(2))

    assert steps(report) == all_steps("done") | {"lago_subscription": "create"}


@pytest.mark.parametrize("hours", [-30, 30])
def test_no_clock_says_whose_an_unanswered_create_is(lago: Sandbox, hours: int) -> None:
    set_wrong(lago, hours)
    leave_unfinished(lago, "500_after,method=POST,path=/customers,times=5")

    report = planned(rows(2))

    assert steps(report)["lago_customer"] == "done"


@pytest.mark.parametrize("other", [{"phone": "+49 30 1"}, {"name": "Somebody else"}])
def test_what_an_unanswered_create_would_not_have_made_is_not_ours(
    lago: Sandbox, by_hand: Caller, other: dict[str, str]
) -> None:
    leave_unfinished(lago, "500_after,method=POST,path=/customers,times=5")
    by_hand.post("/customers", {"customer": {"external_id": "C-1", **other}})

    report = planned(rows(2), skip_existing=True)

    assert steps(report)["lago_customer"] == "adopt"


def test_what_appeared_beside_an_unfinished_run_is_a_problem(lago: Sandbox) -> None:
    leave_unfinished(lago, "500,method=POST,path=/customers,times=5")
    BackfillStep.objects.filter(state="intended").update(state="planned")
    lago_customer(lago)

    assert codes(planned(rows(2))) == ["lago_customer_exists"]


def test_a_new_run_takes_nothing_of_an_unfinished_one_for_granted(lago: Sandbox) -> None:
    leave_unfinished(lago, "500,method=POST,path=/customers,times=5")

    report = planned(rows(2), new_run=True)

    assert report.continues == ""
    assert codes(report) == ["email_exists", "external_id_exists", "id_tag_exists"]

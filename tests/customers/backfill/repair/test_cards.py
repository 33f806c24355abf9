"""With SteVe: mappings and idTags that have gone, or are out of use, are put right, and nothing else."""

import pytest
from django.utils import timezone

from auditlog.models import AuditEntry, Event, record
from customers.models import BackfillRun, IdTagMapping, User
from rehearsal.lago import Sandbox
from rehearsal.steve import SteveSandbox
from tests.customers import factories
from tests.customers.backfill.repair.world import advised, cards, ledger, planned_repair, repaired, to_do
from tests.customers.backfill.steve.world import divergences, reverted, run_of, tags
from tests.customers.factories import imported, rows
from tests.rehearsal.lago.calls import Caller

pytestmark = pytest.mark.django_db


@pytest.fixture
def run(lago: Sandbox, steve: SteveSandbox) -> BackfillRun:
    """Three customers; the third has two cards."""
    return run_of(imported([*rows(3), factories.row(3, id_tag="TAG0004")]))


def forget_mapping(number: int = 1) -> None:
    IdTagMapping.objects.get(id_tag=f"TAG{number:04}").delete()


def switch_off(number: int = 1) -> None:
    IdTagMapping.objects.filter(id_tag=f"TAG{number:04}").update(is_active=False)


def forget_tag(steve: SteveSandbox, number: int = 1) -> None:
    steve.world.delete_tag(tags(steve)[f"TAG{number:04}"]["ocppTagPk"])


def billed_to_nobody(lago: Sandbox) -> bool:
    return lago.journal() == {"invoices": [], "credit_notes": []}


# --- what is safe ------------------------------------------------------------------------------------


def test_a_mapping_that_has_gone_is_made_again(run: BackfillRun, lago: Sandbox, steve: SteveSandbox) -> None:
    before, in_lago = cards(), lago.state()
    forget_mapping()

    plan = planned_repair(run)
    report = repaired(run)

    assert to_do(plan) == [(2, "id_tag_mapping", "make again")]
    assert (report.status, report.is_well) == ("repaired", True)
    assert cards() == before
    assert lago.state() == in_lago
    assert divergences(run) == []


def test_an_id_tag_that_has_gone_from_steve_is_made_again(run: BackfillRun, steve: SteveSandbox) -> None:
    number = tags(steve)["TAG0001"]["ocppTagPk"]
    forget_tag(steve)

    assert to_do(planned_repair(run)) == [(2, "steve_id_tag", "make again")]
    assert repaired(run).is_well

    made = tags(steve)["TAG0001"]
    assert made["ocppTagPk"] != number
    assert cards()["TAG0001"][-1] == made["ocppTagPk"]
    assert divergences(run) == []


def test_a_card_out_of_use_is_put_to_use_again(run: BackfillRun) -> None:
    before = cards()
    switch_off(4)

    assert to_do(planned_repair(run)) == [(5, "id_tag_mapping", "put to use again")]
    assert repaired(run).is_well
    assert cards() == before
    assert divergences(run) == []


def test_a_number_of_steve_that_our_mapping_lost_is_written_again(run: BackfillRun) -> None:
    before = cards()
    IdTagMapping.objects.filter(id_tag="TAG0002").update(steve_ocpp_tag_pk=None)

    assert repaired(run).is_well
    assert cards() == before


def test_rows_end_as_they_had_ended_and_a_second_repair_finds_nothing(
    run: BackfillRun, steve: SteveSandbox
) -> None:
    before = ledger(run)
    forget_mapping()
    forget_tag(steve, 2)
    switch_off(3)
    repaired(run)

    again = repaired(run)

    assert ledger(run) == before
    assert (again.status, again.is_well) == ("nothing", True)
    run.refresh_from_db()
    assert run.status == "succeeded"


def test_what_was_made_again_goes_with_the_run(run: BackfillRun, lago: Sandbox, steve: SteveSandbox) -> None:
    forget_mapping()
    forget_tag(steve, 2)
    switch_off(3)
    repaired(run)

    assert reverted(run).status == "reverted"

    assert (cards(), tags(steve), User.objects.count()) == ({}, {}, 0)
    assert lago.state(live=True)["subscriptions"] == []
    assert billed_to_nobody(lago)


def test_the_audit_and_the_log_tell_what_was_done(run: BackfillRun, steve: SteveSandbox) -> None:
    number = tags(steve)["TAG0001"]["ocppTagPk"]
    forget_tag(steve)

    report = repaired(run)

    entry = AuditEntry.objects.get(action="row.repaired")
    assert (entry.subject, entry.tag) == ("customer:C-1", run.audit_tag)
    assert entry.data["steps"] == ["steve_id_tag: make again"]
    assert entry.data["instead_of"] == [f"steve_id_tag {number}"]
    assert AuditEntry.objects.get(action="repair.begun").data["things"] == 1
    assert report.log_path is not None
    log = report.log_path.read_text()
    assert "line=2 external_id=C-1 outcome=repaired steve_id_tag=created" in log
    assert "TAG0001" not in log


# --- what is advice ----------------------------------------------------------------------------------


def test_a_terminated_subscription_is_never_made_again_and_its_cards_stay_off(
    run: BackfillRun, lago: Sandbox, by_hand: Caller
) -> None:
    by_hand.delete("/subscriptions/backfill-C-3?on_termination_invoice=skip&on_termination_credit_note=skip")
    switch_off(3)
    forget_mapping(4)
    in_lago = lago.state()

    report = repaired(run)

    assert (report.status, report.is_well) == ("nothing", False)
    assert advised(report.plan) == {
        ("lago_subscription", "terminated"), ("id_tag_mapping", "inactive"), ("id_tag_mapping", "missing"),
    }  # fmt: skip
    told = next(one for one in report.plan.advice if one.found.step == "lago_subscription")
    assert "billed to nobody" in told.means
    assert (set(cards()), cards()["TAG0003"][1]) == ({"TAG0001", "TAG0002", "TAG0003"}, False)
    assert lago.state() == in_lago


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (lambda lago: lago.delete("/customers/C-1"), ("lago_customer", "missing")),
        (
            lambda lago: lago.post(
                "/subscriptions",
                {
                    "subscription": {
                        "external_id": "backfill-C-1", "external_customer_id": "C-1", "plan_code": "fleet",
                    }
                },
            ),
            ("lago_subscription", "other_plan"),
        ),
    ],
    ids=["the customer", "the plan"],
)  # fmt: skip
def test_what_pays_is_advice_and_no_card_comes_to_use_before_it_is_settled(
    run: BackfillRun, lago: Sandbox, by_hand: Caller, change: object, kind: tuple[str, str]
) -> None:
    lago.put_plans("fleet:9900:EUR:monthly")
    change(by_hand)  # type: ignore[operator]
    switch_off()
    in_lago = lago.state()

    report = repaired(run)

    assert report.status == "nothing"
    assert kind in advised(report.plan)
    assert not cards()["TAG0001"][1]
    assert lago.state() == in_lago


def test_another_address_in_lago_is_advice_and_hinders_nothing(run: BackfillRun, by_hand: Caller) -> None:
    by_hand.post("/customers", {"customer": {"external_id": "C-1", "email": "other@example.com"}})
    switch_off()

    report = repaired(run)

    assert (report.status, report.is_well) == ("repaired", False)
    assert cards()["TAG0001"][1]
    assert advised(report.plan) == {("lago_customer", "email_drifted")}


def test_a_card_that_was_switched_off_in_the_console_stays_off_and_says_who_did_it(run: BackfillRun) -> None:
    switch_off()
    told = Event("idtagmapping.changed", "customer:C-1", {"fields": ["Is active"]})
    record("admin", "staff:7", [told])

    (advice,) = planned_repair(run).advice

    assert advice.todo.startswith("A card of this customer was switched in the console by staff:7 on ")
    assert f"{timezone.now():%Y-%m-%d}" in advice.todo


def test_a_customer_who_was_switched_off_gets_no_card_back(run: BackfillRun, steve: SteveSandbox) -> None:
    User.objects.filter(external_id="C-1").update(is_active=False)
    record("admin", "staff:7", [Event("customer.changed", "customer:C-1", {"fields": ["Active"]})])
    forget_mapping()
    forget_tag(steve)

    report = repaired(run)

    assert report.status == "nothing"
    assert advised(report.plan) == {("user", "inactive"), ("id_tag_mapping", "missing")}
    assert "changed in the console by staff:7" in report.plan.advice[0].means


def test_a_card_that_a_later_run_may_have_replaced_is_not_made_again(
    run: BackfillRun, steve: SteveSandbox
) -> None:
    imported([factories.row(1, id_tag="TAG0009")], skip_existing=True)
    forget_tag(steve)

    (advice,) = planned_repair(run).advice

    assert "touched by the later run" in advice.todo


def test_a_card_beside_one_that_somebody_gave_by_hand_is_not_made_again(run: BackfillRun) -> None:
    factories.mapping(User.objects.get(external_id="C-1"), 8)
    forget_mapping()

    assert repaired(run).status == "nothing"


def test_an_id_tag_that_nobody_knows_any_more_is_advice(run: BackfillRun, steve: SteveSandbox) -> None:
    forget_mapping()
    forget_tag(steve)

    report = repaired(run)

    (advice,) = report.plan.advice
    assert "No system that is connected still knows the idTag" in advice.todo


def test_a_number_that_a_new_steve_gave_to_another_card_is_not_taken_for_ours(
    run: BackfillRun, steve: SteveSandbox
) -> None:
    tag = steve.world.tags[tags(steve)["TAG0001"]["ocppTagPk"]]
    forget_mapping()
    steve.steer("POST", "id-tags", id_tag="TAG0001", note=tag.note)
    tag.id_tag = "STRANGER"

    assert repaired(run).status == "nothing"
    assert "STRANGER" not in cards()


def test_a_card_that_steve_blocks_is_left_to_people(run: BackfillRun, steve: SteveSandbox) -> None:
    steve.world.tags[tags(steve)["TAG0001"]["ocppTagPk"]].max_active_transaction_count = 0
    switch_off()

    report = repaired(run)

    assert report.status == "nothing"
    assert advised(report.plan) == {("steve_id_tag", "blocked"), ("id_tag_mapping", "inactive")}


def test_what_a_run_only_adopted_it_does_not_make_again(run: BackfillRun, steve: SteveSandbox) -> None:
    again = run_of(imported([*rows(3), factories.row(3, id_tag="TAG0004")], skip_existing=True, new_run=True))
    forget_tag(steve)

    assert repaired(again).status == "nothing"
    assert to_do(planned_repair(run)) == [(2, "steve_id_tag", "make again")]


# --- bound to what was shown, and stopped on the way -------------------------------------------------


def test_nothing_is_done_that_was_not_shown(run: BackfillRun, steve: SteveSandbox) -> None:
    forget_tag(steve)
    shown = planned_repair(run).keys
    switch_off(2)

    with pytest.raises(Exception, match="has changed since it was shown"):
        repaired(run, shown)

    assert "TAG0001" not in tags(steve)


def test_a_call_that_is_refused_is_told_until_a_repair_settles_it(
    run: BackfillRun, steve: SteveSandbox
) -> None:
    forget_tag(steve)
    steve.fault("reset_before,method=POST,times=forever")
    failed = repaired(run)
    steve.steer("POST", "faults/clear")

    assert (failed.status, failed.is_well) == ("failed", False)
    assert divergences(run) == [("steve_id_tag", "unrepaired")]

    assert repaired(run).is_well
    assert divergences(run) == []

"""What makes a plan another than the one that was agreed to, and what does not."""

from dataclasses import replace
from typing import Any

from customers.backfill.engine.agreed import First, PlanFacts, RowFacts
from customers.backfill.engine.agreeing import NO_WORK, Work, compare

FIRST = First("2026-12-01", 1000, 0, "EUR")
SUMS = (("first invoices EUR", 1000), ("second invoices EUR", 1000))
ABOUT: dict[str, Any] = {
    "sha256": "a" * 64,
    "read as": ["csv", "utf-8", ","],
    "options": {"skip_existing": False, "mapping": None},
    "Lago": ["org", "http://lago"],
    "systems": {"steve": "http://steve"},
}


def fact(number: int = 1, **changes: Any) -> RowFacts:
    return replace(RowFacts(f"C-{number}", "create", (), FIRST, SUMS), **changes)


def plan(*rows: RowFacts, **about: Any) -> PlanFacts:
    return PlanFacts(ABOUT | about, dict(enumerate(rows or (fact(1), fact(2)), start=2)))


def told(anew: PlanFacts, work: Work = NO_WORK, agreed: PlanFacts | None = None) -> str:
    return compare(agreed or plan(), anew, work).sentence()


# --- What is another plan ----------------------------------------------------------------------------


def test_the_same_plan_agrees_and_has_the_same_digest() -> None:
    assert not compare(plan(), plan())
    assert plan().digest() == plan().digest() == PlanFacts.kept(plan().as_json()).digest()


def test_another_action_is_named_with_its_line_and_why() -> None:
    fails = fact(2, action="fail", codes=("plan_not_found",), first=None, sums=())

    assert "line 3: create → fail (plan_not_found)" in told(plan(fact(), fails))


def test_other_codes_are_named() -> None:
    assert told(plan(fact(), fact(2, codes=("start_date_today",)))) == "line 3: no codes → start_date_today"


def test_another_first_invoice_is_named_by_day_and_amount() -> None:
    later, dearer = replace(FIRST, day="2027-01-01"), replace(FIRST, base_cents=900, fixed_cents=200)

    assert "first invoice 2026-12-01 10.00 EUR → 2027-01-01 10.00 EUR" in told(
        plan(fact(first=later), fact(2))
    )
    assert "first invoice 2026-12-01 10.00 EUR → 2026-12-01 11.00 EUR" in told(
        plan(fact(first=dearer), fact(2))
    )


def test_another_sum_is_named_although_no_row_shows_it() -> None:
    dearer = fact(2, sums=(SUMS[0], ("second invoices EUR", 1500)))

    assert told(plan(fact(), dearer)) == "second invoices EUR: 20.00 EUR in 2 → 25.00 EUR in 2"


def test_another_file_option_or_world_is_another_plan() -> None:
    assert told(plan(sha256="b" * 64)) == "the file is another"
    assert told(plan(options={"skip_existing": True, "mapping": None})) == "option skip_existing: off → on"
    assert told(plan(Lago=["other", "http://lago"])) == "Lago's organization or address is another"
    assert told(plan(systems={})) == "steve: http://steve → none"


def test_of_many_rows_a_few_are_named_and_all_counted() -> None:
    agreed, anew = (plan(*(fact(n, codes=codes) for n in range(1, 41))) for codes in ((), ("email_unusual",)))

    sentence = told(anew, agreed=agreed)

    assert sentence.startswith("40 rows, such as line 2: no codes → email_unusual; line 3:")
    assert "line 5" not in sentence


# --- What the run has done ---------------------------------------------------------------------------


def test_rows_that_the_run_has_done_are_left_aside() -> None:
    done = fact(1, action="skip", codes=("lago_customer_differs",), first=None, sums=())

    assert not compare(plan(), plan(done, fact(2)), Work(done=frozenset({2})))
    assert compare(plan(), plan(done, fact(2)))


def test_a_row_that_was_begun_may_have_less_left_to_do() -> None:
    begun = fact(1, action="complete", first=None, sums=())

    assert not compare(plan(), plan(begun, fact(2)), Work(begun=frozenset({2})))


def test_a_row_that_was_begun_may_not_cost_or_be_something_else() -> None:
    work = Work(begun=frozenset({2}), done=frozenset({3}))
    dearer = replace(FIRST, base_cents=2000)
    fails = fact(1, action="fail", codes=("id_tag_exists",), first=None, sums=())

    assert "20.00 EUR" in told(plan(fact(1, action="complete", first=dearer), fact(2)), work)
    assert told(plan(fails, fact(2)), work) == "line 2: create → fail (id_tag_exists)"
    assert "20.00 EUR" in told(plan(fact(1), fact(2, first=dearer)), work)

"""What differs, by values alone."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime

from customers.backfill.compare.comparing import compare
from customers.backfill.compare.reading import Drafted, file_read, key_of
from customers.backfill.compare.values import Card, Found, Imported, Kind
from customers.backfill.engine.plan import PlannedRow
from customers.backfill.source import SourceRow, Values
from customers.backfill.source.model import Mapped
from kernel import Doubt, Problem, Wanted

START = date(2024, 1, 1)
AT = datetime(2024, 1, 1, tzinfo=UTC)
BAD = Problem("some_code", None, "It is wrong.")


def person(number: int, *id_tags: str, **changes: object) -> Imported:
    one = Imported(
        external_id=f"C-{number}",
        email=f"c{number}@example.com",
        display_name=f"Customer {number}",
        cards=tuple(Card(id_tag) for id_tag in id_tags or (f"TAG{number}",)),
        plan_code="standard",
        start_date=START,
        subscription_at=AT,
        billing_time="calendar",
        runs=("run",),
        made_by=("run",),
    )
    return replace(one, **changes)  # type: ignore[arg-type]


def line(number: int, *problems: Problem, at: int = 0, **changes: object) -> Drafted:
    """A row of that customer, on the line of its number unless told otherwise."""
    place = at or number
    wanted = Wanted(
        place, f"c{number}@example.com", f"Customer {number}", f"C-{number}", f"TAG{number}",
        "standard", START, AT,
    )  # fmt: skip
    cells = (wanted.email, wanted.display_name, wanted.external_id, wanted.id_tag, "standard", "2024-01-01")
    wanted = replace(wanted, **changes)  # type: ignore[arg-type]
    return PlannedRow(wanted, problems=problems), SourceRow(place, Values(*cells), cells)


def compared(rows: Sequence[Drafted], imported: Sequence[Imported], out: Sequence[SourceRow] = ()) -> Found:
    known = {key_of(one.external_id) for one in imported}
    id_tags = {card.id_tag.lower() for one in imported for card in one.cards}
    return compare(file_read(rows, out, known, id_tags), imported)


def told(found: Found) -> list[tuple[Kind, str]]:
    return [(one.kind, one.external_id) for one in found.differences]


def test_what_agrees_is_nothing() -> None:
    found = compared([line(1), line(2)], [person(1), person(2)])

    assert (told(found), found.same) == ([], 2)


def test_rows_of_one_customer_that_do_not_agree_are_a_problem_and_no_difference() -> None:
    rows = [line(1, BAD, plan_code="fleet"), line(1, BAD, at=2, id_tag="MORE")]

    assert told(compared(rows, [person(1, "TAG1", "MORE")])) == []


def test_a_value_that_cannot_be_read_is_not_another_one() -> None:
    rows = [line(1, BAD, plan_code="", start_date=None, email="", display_name="")]

    assert told(compared(rows, [person(1)])) == []


def test_a_card_that_the_file_gives_to_two_has_not_moved() -> None:
    rows = [line(1, BAD), line(2, BAD, at=2), line(2, BAD, at=3, id_tag="TAG1")]

    assert told(compared(rows, [person(1), person(2)])) == []


def test_one_card_that_came_and_one_that_went_are_a_replacement() -> None:
    found = compared([line(1, id_tag="NEW")], [person(1)])

    assert [(one.kind, one.was, one.now) for one in found.differences] == [
        (Kind.CARD_REPLACED, "TAG1", "NEW")
    ]


def test_of_more_cards_nobody_knows_which_replaces_which() -> None:
    rows = [line(1, id_tag="NEW1"), line(1, at=2, id_tag="NEW2")]

    found = compared(rows, [person(1, "OLD1", "OLD2")])

    assert sorted(kind for kind, _ in told(found)) == [Kind.CARD_ADDED] * 2 + [Kind.CARD_GONE] * 2


def test_a_card_that_went_to_somebody_else_is_told_once() -> None:
    found = compared(
        [line(1, id_tag="OTHER"), line(2, id_tag="TAG1")], [person(1, "TAG1", "OTHER"), person(2)]
    )

    assert told(found) == [(Kind.CARD_MOVED, "C-2"), (Kind.CARD_GONE, "C-2")]
    assert found.differences[0].other == "C-1"


def test_a_further_card_on_an_unreadable_row_is_not_gone() -> None:
    rows = [line(1), line(1, BAD, at=2, external_id="", id_tag="")]
    rows[1] = rows[1][0], replace(rows[1][1], cells=("C-1", "MORE"))

    found = compared(rows, [person(1, "TAG1", "MORE")])

    assert told(found) == []


def test_who_may_be_on_an_unreadable_row_is_held_by_any_value_of_it() -> None:
    row, given = line(9, BAD, external_id="", id_tag="", email="")
    for name in ("c1@example.com", "c-1", "tag1"):
        found = compared([(row, replace(given, cells=(name,)))], [person(1), person(2)])

        assert (told(found), found.held) == ([(Kind.LEFT, "C-2")], {"C-1": 9})


def test_a_doubt_holds_only_for_who_is_not_imported() -> None:
    doubt = Doubt("value_damaged", "external_id", "It looks damaged.")

    assert compared([line(1, doubt)], [person(1)]).same == 1
    assert told(compared([line(2, doubt)], [person(1)])) == [(Kind.LEFT, "C-1")]  # nobody has joined


def test_who_is_left_out_by_the_mapping_has_left_and_it_is_said() -> None:
    out = replace(line(2)[1], mapped=Mapped("Status"))

    found = compared([line(1)], [person(1), person(2)], [out])

    assert told(found) == [(Kind.LEFT, "C-2")]
    assert (found.differences[0].lines, "“Status”" in found.differences[0].note) == ((2,), True)


def test_one_of_two_cards_left_out_is_a_card_that_is_gone() -> None:
    out = replace(line(1, at=2)[1], mapped=Mapped("Status"))

    found = compared([line(1)], [person(1, "TAG1", "MORE")], [out])

    assert told(found) == [(Kind.CARD_GONE, "C-1")]


def test_a_start_that_was_moved_agrees_with_the_file_and_with_the_day_it_was_moved_to() -> None:
    moved = person(1, moved_to=date(2024, 3, 1))

    assert told(compared([line(1)], [moved])) == []
    assert told(compared([line(1, start_date=date(2024, 3, 1))], [moved])) == []
    assert told(compared([line(1, start_date=date(2024, 2, 1))], [moved])) == [(Kind.START, "C-1")]

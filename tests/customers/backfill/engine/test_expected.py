"""How long a system will take, as the plan says it."""

import pytest

from customers.backfill.engine.expected import about, expected_of, removal_sentences
from customers.backfill.engine.plan import Looked, PlannedRow, RowAction
from kernel import Action, Problem, Step, Verdict
from tests.charging.factories import wanted


class Slow(Step):
    """Takes a second a create, two for what is put right, and half a second for a removal."""

    name, noun, system = "slow_thing", "thing", "Snail"

    def expected_s(self, new: int, altered: int, found: int) -> float:
        return found * (new + 2 * altered)

    def expected_removal_s(self, number: int, found: int) -> float:
        return found * number / 2

    @classmethod
    def takes_long(cls, seconds: float) -> Problem | None:
        return Problem("slow_takes_long", None, "Long.") if seconds > 100 else None


class Silent(Step):
    name, noun, system = "silent_thing", "thing", "Mole"


def planned(action: Action, *, change: bool = False, does: RowAction = RowAction.CREATE) -> PlannedRow:
    verdict = Verdict(action, change=change)
    row = PlannedRow(wanted(), action=does)
    row.verdicts = {"slow_thing": verdict, "silent_thing": verdict}
    return row


LOOKED = [Looked(Slow(), 1), Looked(Silent(), 1)]


def test_what_is_made_and_what_is_put_right_is_counted() -> None:
    rows = [
        planned(Action.CREATE),
        planned(Action.CREATE),
        planned(Action.ADOPT, change=True),
        planned(Action.ADOPT),
        planned(Action.CREATE, does=RowAction.SKIP),
    ]

    (expected,) = expected_of(rows, LOOKED)

    assert expected.as_json() == {
        "step": "slow_thing",
        "new": 2,
        "altered": 1,
        "seconds": 4,
        "message": "Snail: 2 new things and 1 thing to change, about 4 s at what a call takes there now",
    }
    assert expected.warning is None


def test_nothing_is_said_where_nothing_is_to_be_made() -> None:
    assert expected_of([planned(Action.ADOPT)], LOOKED) == []


def test_the_step_says_what_is_too_long() -> None:
    (expected,) = expected_of([planned(Action.CREATE)] * 101, LOOKED)

    assert expected.warning == Problem("slow_takes_long", None, "Long.")


def test_a_revert_says_it_of_what_it_takes_back() -> None:
    numbers, found = {"slow_thing": 8, "silent_thing": 8}, {"slow_thing": 1, "silent_thing": 1}

    told = list(removal_sentences(numbers, [Slow(), Silent()], found))

    assert told == ["Snail: 8 things to take back, about 4 s at what a call takes there now"]
    assert list(removal_sentences({}, [Slow(), Silent()], {})) == []


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.01, "1 s"), (89, "89 s"), (90, "2 min"), (1_500, "25 min"), (5_399, "90 min"), (5_400, "2 h"),
        (100_000, "28 h"), (200_000, "2 days"),
    ],
)  # fmt: skip
def test_a_duration_is_said_roughly(seconds: float, said: str) -> None:
    assert about(seconds) == said

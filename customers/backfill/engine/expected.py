"""How long a system will take, where it says so: what it costs grows with what it holds."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from customers.backfill.engine.plan import Looked, PlannedRow
from kernel import Action, Problem, Step
from kernel.wording import counted


@dataclass(frozen=True, slots=True)
class Expected:
    """What is expected of one step. `altered`: things that are there and are put right."""

    kind: type[Step]
    new: int
    altered: int
    seconds: float

    @property
    def message(self) -> str:
        noun = self.kind.noun
        parts = [counted(self.new, f"new {noun}")] if self.new else []
        parts += [f"{counted(self.altered, noun)} to change"] if self.altered else []
        return _sentence(self.kind, " and ".join(parts), self.seconds)

    @property
    def warning(self) -> Problem | None:
        return self.kind.takes_long(self.seconds)

    def as_json(self) -> dict[str, Any]:
        return {
            "step": self.kind.name,
            "new": self.new,
            "altered": self.altered,
            "seconds": round(self.seconds, 1),
            "message": self.message,
        }


def expected_of(rows: Iterable[PlannedRow], looked: Sequence[Looked]) -> list[Expected]:
    """Say of each step that knows it how long the rows that are to be done will take."""
    numbers = to_make(rows, [one.step for one in looked])
    return expected_from(numbers, looked)


def to_make(rows: Iterable[PlannedRow], steps: Iterable[Step]) -> dict[str, tuple[int, int]]:
    """Count, by step, what the rows that are to be done make anew, and what they put right."""
    to_do = [row for row in rows if row.is_to_do]
    found = {}
    for step in steps:
        verdicts = [verdict for row in to_do if (verdict := row.verdicts.get(step.name))]
        new = sum(verdict.action is Action.CREATE for verdict in verdicts)
        found[step.name] = (new, sum(verdict.change for verdict in verdicts))
    return found


def expected_from(numbers: Mapping[str, tuple[int, int]], looked: Sequence[Looked]) -> list[Expected]:
    """Say of each step that knows it how long so many take."""
    found = []
    for one in looked:
        new, altered = numbers[one.step.name]
        seconds = one.step.expected_s(new, altered, one.found) if new or altered else None
        if seconds is not None:
            found.append(Expected(type(one.step), new, altered, seconds))
    return found


def removal_sentences(
    numbers: Mapping[str, int], steps: Iterable[Step], found: Mapping[str, Any]
) -> Iterator[str]:
    """Say how long a revert will take, by the number of things to remove of each step."""
    for step in steps:
        number = numbers.get(step.name, 0)
        seconds = step.expected_removal_s(number, found.get(step.name)) if number else None
        if seconds is not None:
            kind = type(step)
            yield _sentence(kind, f"{counted(number, kind.noun)} to take back", seconds)


def about(seconds: float) -> str:
    """Say roughly how long: 40 s, 25 min, 3 h, 2 days."""
    for least, unit_s, unit in ((172_800, 86_400, "days"), (5_400, 3_600, "h"), (90, 60, "min")):
        if seconds >= least:
            return f"{seconds / unit_s:,.0f} {unit}"
    return f"{max(1, round(seconds))} s"


def _sentence(kind: type[Step], what: str, seconds: float) -> str:
    return f"{kind.system}: {what}, about {about(seconds)} at what a call takes there now"

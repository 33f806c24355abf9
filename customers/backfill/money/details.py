"""How many of the new things get what from the file's optional columns, and what of it will be missed."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from customers.backfill.engine.plan import Plan
from customers.languages import LANGUAGES
from kernel import Action, Problem, Step
from kernel.invoice_columns import LOCALE

_LOCALES_NAMED = 5


@dataclass(slots=True)
class Details:
    """Of one step: `given` is of how many of the new things the file has a value of each column."""

    step: Step
    number: int = 0
    given: Counter[str] = field(default_factory=Counter)

    @property
    def without(self) -> dict[str, int]:
        """Count those that lack what bills depend on."""
        return {name: self.number - self.given[name] for name in self.step.needs}

    @property
    def message(self) -> str:
        """Say it in words: "Of 12 new Lago customers the file gives country for 12, city for 10"."""
        what = self.step.label() if self.number == 1 else self.step.plural()
        told = ", ".join(f"{name} for {self.given[name]:,}" for name in self.step.gives if self.given[name])
        return f"Of {self.number:,} new {what} the file gives {told or 'no details'}"

    @property
    def warnings(self) -> Iterator[Problem]:
        for name, number in self.without.items():
            if number:
                yield _missing(name, number, self)

    def as_json(self) -> dict[str, Any]:
        return {
            "step": self.step.name,
            "number": self.number,
            "given": dict(self.given),
            "without": self.without,
            "message": self.message,
        }


def details(plan: Plan, steps: Sequence[Step]) -> list[Details]:
    """Count; nothing where neither the file gives nor the system needs anything."""
    return worth_telling(all_details(plan, steps))


def all_details(plan: Plan, steps: Sequence[Step]) -> list[Details]:
    return [_of(plan, step) for step in steps if step.gives]


def worth_telling(found: Iterable[Details]) -> list[Details]:
    return [one for one in found if one.number and (one.given or one.step.needs)]


def _of(plan: Plan, step: Step) -> Details:
    found = Details(step)
    for row in plan.to_do():
        if row.means(step.name, Action.CREATE):
            found.number += 1
            if row.wanted.more:
                found.given.update(name for name in step.gives if name in row.wanted.more)
    return found


def _missing(name: str, number: int, found: Details) -> Problem:
    who = found.step.label() if found.number == 1 else found.step.plural()
    have = "has" if number == 1 else "have"
    told = f"{number:,} of {found.number:,} new {who} {have} no {name}, and taxes there depend on it."
    return Problem(
        "details_missing", name, told, "Add it to the file, or expect the taxes of your own country."
    )


def untranslated(plan: Plan) -> Iterator[Problem]:
    """Say what becomes of customers whose language our mails and pages do not have."""
    customers = {row.wanted.external_id: LOCALE.of(row.wanted) for row in plan.to_do() if row.wanted.more}
    others = Counter(locale for locale in customers.values() if locale and locale not in LANGUAGES)
    if not others:
        return
    named = ", ".join(f"{locale} {number:,}" for locale, number in others.most_common(_LOCALES_NAMED))
    yield Problem(
        "locale_untranslated",
        LOCALE.name,
        f"{others.total():,} customers have a language that our mails and pages do not have ({named}): they"
        " read these in English.",
        "Lago writes their invoices in their own language.",
    )

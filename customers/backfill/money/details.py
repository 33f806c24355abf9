"""How many of the new things get what from the file's optional columns, and what of it will be missed."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings

from customers.backfill.engine.plan import Plan
from customers.languages import NAMES, is_spoken
from kernel import Action, Problem, Step
from kernel.codes import LOCALES
from kernel.invoice_columns import LOCALE
from kernel.wording import counted

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
    """Say what becomes of customers whose language our mails and pages, or Lago's documents, do not have."""
    customers = {row.wanted.external_id: LOCALE.of(row.wanted) for row in plan.to_do() if row.wanted.more}
    locales = Counter(locale for locale in customers.values() if locale)
    if others := _named(locales, lambda locale: not is_spoken(locale)):
        told = f"Our mails and pages do not have the language of {others}."
        theirs = f"They read these in {NAMES[settings.MAIL_LANGUAGE]} (MAIL_LANGUAGE)."
        yield Problem("locale_untranslated", LOCALE.name, told, theirs)
    if others := _named(locales, lambda locale: locale not in LOCALES):
        told = f"Lago's documents do not have the language of {others}."
        yield Problem("locale_unknown_to_lago", LOCALE.name, told, "Lago writes their invoices in its own.")


def _named(locales: Counter[str], is_other: Callable[[str], bool]) -> str:
    """Count those of whom something is true, with their languages: "12 customers (nl 11, pl 1)"."""
    others = Counter({locale: number for locale, number in locales.items() if is_other(locale)})
    named = [f"{locale} {number:,}" for locale, number in others.most_common(_LOCALES_NAMED)]
    more = [f"{len(others) - _LOCALES_NAMED} more"] if len(others) > _LOCALES_NAMED else []
    return f"{counted(others.total(), 'customer')} ({', '.join(named + more)})" if others else ""

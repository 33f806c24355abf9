"""Which invoices Lago makes for one subscription, when, and for what: its three occasions.

It bills when a subscription starts, when a trial in advance has ended, and on each day that begins a period.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from fractions import Fraction

from billing.forecast.periods import Period, Rhythm
from billing.values import FixedCharge, Plan
from kernel.intervals import MONTHS
from kernel.money import decimals

ONE_DAY = timedelta(days=1)
# What an unknown price counts as: the figure is never shown, but it is not nothing.
UNKNOWN_PRICE = Decimal(1)


class Kind(StrEnum):
    BASE_IN_ADVANCE = "base_in_advance"
    BASE_IN_ARREARS = "base_in_arrears"
    FIXED_IN_ADVANCE = "fixed_in_advance"
    FIXED_IN_ARREARS = "fixed_in_arrears"


@dataclass(frozen=True, slots=True)
class Part:
    """What is charged for the days from `first` to `last`, both included."""

    kind: Kind
    cents: int
    first: date
    last: date

    @property
    def is_base(self) -> bool:
        return self.kind in (Kind.BASE_IN_ADVANCE, Kind.BASE_IN_ARREARS)


@dataclass(frozen=True, slots=True)
class Invoice:
    """Net, and without usage, credits, coupons and minimum commitments.

    `first` and `last` are the days of the base amount; without one, they are the day of the invoice.
    """

    day: date
    parts: tuple[Part, ...]

    @property
    def amount_cents(self) -> int:
        return self.base_cents + self.fixed_cents

    @property
    def base_cents(self) -> int:
        return sum(part.cents for part in self.parts if part.is_base)

    @property
    def fixed_cents(self) -> int:
        return sum(part.cents for part in self.parts if not part.is_base)

    @property
    def first(self) -> date:
        return next((part.first for part in self.parts if part.is_base), self.day)

    @property
    def last(self) -> date:
        return next((part.last for part in self.parts if part.is_base), self.day)


@dataclass(frozen=True, slots=True)
class Billed:
    """A subscription as Lago bills it. `start` is its first day in the billing zone."""

    plan: Plan
    base_rhythm: Rhythm
    fixed_rhythm: Rhythm
    invoice_rhythm: Rhythm
    start: date

    @property
    def trial_end(self) -> date:
        """Return the first day that is paid for."""
        return self.start + timedelta(days=int(self.plan.trial_period))

    @property
    def whole_cents(self) -> int | None:
        """Return what a whole period costs, with its fixed charges; None where a price is not known."""
        charges = self.plan.fixed_charges or ()
        if self.plan.amount_cents is None or any(one.unit_amount is None for one in charges):
            return None
        often = MONTHS[self.base_rhythm.interval] if self.fixed_rhythm != self.base_rhythm else 1
        return self.plan.amount_cents + often * sum(self._price(one, Fraction(1)) for one in charges)

    def invoices(self, today: date) -> list[Invoice]:
        """Return what is invoiced from today on if it is made today, in order: at least the first two."""
        found = []
        if self.start >= today:
            found += self._at_start()
        trial = self.after_trial(today)
        if trial:
            found.append(trial)
        found += [self._on_billing_day(day, trial) for day in self._billing_days(today)]
        return sorted(found, key=lambda invoice: invoice.day)

    def invoices_after(self, today: date) -> list[Invoice]:
        """Return what is invoiced after today of one that is active already, in order: at least two."""
        trial = self.after_trial(today) if self.trial_end > today else None
        found = [self._on_billing_day(day, trial) for day in self._billing_days(today + ONE_DAY)]
        return sorted([*found, trial] if trial else found, key=lambda invoice: invoice.day)

    def after_trial(self, today: date) -> Invoice | None:
        """Return the invoice for the rest of the period in which a trial in advance ends, or had ended."""
        if not self.plan.pay_in_advance or self.trial_end == self.start:
            return None
        day = max(self.trial_end, today)
        return Invoice(day, (self._base(Kind.BASE_IN_ADVANCE, self.base_rhythm.around(day)),))

    def _at_start(self) -> list[Invoice]:
        parts = self._fixed(Kind.FIXED_IN_ADVANCE, self.fixed_rhythm.around(self.start))
        if self.plan.pay_in_advance and self.trial_end == self.start:
            parts = [self._base(Kind.BASE_IN_ADVANCE, self.base_rhythm.around(self.start)), *parts]
        return [Invoice(self.start, tuple(parts))] if parts else []

    def _billing_days(self, today: date) -> list[date]:
        """Return the next two. The day of the start is none, whatever begins on it."""
        first = self.invoice_rhythm.first_beginning(max(today, self.start + ONE_DAY))
        return [first, self.invoice_rhythm.first_beginning(first + ONE_DAY)]

    def _on_billing_day(self, day: date, trial: Invoice | None) -> Invoice:
        parts: list[Part] = []
        if self.base_rhythm.begins_on(day):
            parts.append(self._base_on(day, trial))
        if self.fixed_rhythm.begins_on(day):
            parts += self._fixed(Kind.FIXED_IN_ARREARS, self.fixed_rhythm.ending_before(day))
            parts += self._fixed(Kind.FIXED_IN_ADVANCE, self.fixed_rhythm.around(day))
        return Invoice(day, tuple(parts))

    def _base_on(self, day: date, trial: Invoice | None) -> Part:
        if not self.plan.pay_in_advance:
            return self._base(Kind.BASE_IN_ARREARS, self.base_rhythm.ending_before(day))
        part = self._base(Kind.BASE_IN_ADVANCE, self.base_rhythm.around(day))
        if trial and day <= trial.day:  # in the trial nothing is due; on its last day the trial's own invoice
            return Part(part.kind, 0, part.first, part.last)
        return part

    def _base(self, kind: Kind, period: Period) -> Part:
        """Charge a period's days since the start and after the trial: whole, or by days in floating point."""
        whole, first = self.plan.amount_cents or 0, max(period.first, self.start)
        days = period.days_since(max(first, self.trial_end))
        cents = whole if days == period.days else _rounded(Decimal(days * (whole / period.days)))
        return Part(kind, cents, first, period.last)

    def _fixed(self, kind: Kind, period: Period) -> list[Part]:
        """Charge the fixed charges of one kind; trials do not concern them."""
        in_advance, first = kind == Kind.FIXED_IN_ADVANCE, max(period.first, self.start)
        charges = [one for one in self.plan.fixed_charges or () if one.pay_in_advance == in_advance]
        share = Fraction(period.days_since(first), period.days)
        return [Part(kind, self._price(charge, share), first, period.last) for charge in charges]

    def _price(self, charge: FixedCharge, share: Fraction) -> int:
        unit_amount = UNKNOWN_PRICE if charge.unit_amount is None else charge.unit_amount
        per_unit = 10 ** decimals(self.plan.amount_currency)
        exact = Fraction(charge.units * unit_amount * per_unit) * (share if charge.prorated else 1)
        return _rounded(Decimal(exact.numerator) / Decimal(exact.denominator))


def _rounded(cents: Decimal) -> int:
    return int(cents.quantize(Decimal(1), ROUND_HALF_UP))

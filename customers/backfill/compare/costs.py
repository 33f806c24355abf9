"""What differences are in money: by the plans' prices in Lago, net, and the invoices to come."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from customers.backfill.compare.reading import key_of
from customers.backfill.compare.values import Cost, Difference, FileRead, Imported, Kind, Price, Sum
from customers.backfill.systems import Systems
from kernel import Bills, Step, Wanted

PRICED = (Kind.LEFT, Kind.JOINED, Kind.PLAN, Kind.START)


@dataclass(frozen=True, slots=True)
class Prices:
    """Tells costs as of one instant, by the clock of those who bill."""

    steps: Sequence[Step]
    systems: Systems
    there: datetime

    def read(self, rows: Iterable[Wanted]) -> None:
        """Read the plans that these are on, as far as Lago has them; raise RemoteError."""
        known = [row for row in rows if row.plan_code in self.systems.target.plans]
        for step in self.steps:
            step.read_prices(known, self.there)

    def bills(self, wanted: Wanted) -> Bills | None:
        found = (step.bills_at(wanted, self.there) for step in self.steps)
        return next((bills for bills in found if bills), None)

    def price(self, wanted: Wanted) -> Price:
        plan = self.systems.target.plans.get(wanted.plan_code)
        # A row whose start cannot be read has a plan all the same, and that has its price.
        bills = self.bills(replace(wanted, subscription_at=wanted.subscription_at or self.there))
        currency = (plan.amount_currency if plan else None) or ""
        interval = (plan.interval if plan else None) or ""
        return Price(wanted.plan_code, bills.whole_cents if bills else None, currency, interval)


def with_costs(
    found: Sequence[Difference], people: Mapping[str, Imported], read: FileRead, prices: Prices
) -> None:
    """Fill in what each difference costs or saves; raise RemoteError."""
    asked = {id(one): _wanted(one, people, read) for one in found if one.kind in PRICED}
    prices.read(wanted for pair in asked.values() for wanted in pair if wanted)
    for one in found:
        was, now = asked.get(id(one), (None, None))
        bills = prices.bills(now) if now and one.kind is Kind.JOINED else None
        if was or now:
            one.cost = Cost(
                was=prices.price(was) if was else None,
                now=prices.price(now) if now else None,
                first=bills.first if bills else None,
                second=bills.second if bills else None,
            )
        if one.kind is Kind.START and one.was:
            one.note = _moved(date.fromisoformat(one.was), date.fromisoformat(one.now))


def _wanted(
    one: Difference, people: Mapping[str, Imported], read: FileRead
) -> tuple[Wanted | None, Wanted | None]:
    """Return what is paid for before and after."""
    was = people[one.external_id].wanted() if one.external_id in people else None
    if one.kind is Kind.LEFT:
        return was, None
    if one.kind is Kind.JOINED:
        return None, read.customers[key_of(one.external_id)].rows[0]
    if was is None or one.kind is Kind.START:
        return None, was
    return was, replace(was, plan_code=one.now)


def _moved(was: date, now: date) -> str:
    days = (now - was).days
    return f"{abs(days):,} {'day' if abs(days) == 1 else 'days'} {'later' if days > 0 else 'earlier'}"


def sums_of(found: Iterable[Difference]) -> list[Sum]:
    """Add up what is billed more or less for an interval; what has no price is in no sum."""
    cents = Counter[tuple[Kind, str, str]]()
    customers: dict[tuple[Kind, str, str], set[str]] = defaultdict(set)
    for one in found:
        for price, change in _changes(one.cost) if one.kind is not Kind.START else ():
            key = one.kind, price.currency, price.interval
            cents[key] += change
            customers[key].add(one.external_id)
    return [Sum(*key, len(who), cents[key]) for key, who in customers.items()]


def _changes(cost: Cost) -> Iterator[tuple[Price, int]]:
    if cost.was and cost.was.cents is not None:
        yield cost.was, -cost.was.cents
    if cost.now and cost.now.cents is not None:
        yield cost.now, cost.now.cents

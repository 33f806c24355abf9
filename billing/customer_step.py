"""The step `lago_customer`: here it is decided that nobody's customer is overwritten, or deleted unseen."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from billing import reports
from billing.abilities import Abilities
from billing.api.subscriptions import PREFIX
from billing.births import Births, Seen
from billing.client import LagoClient
from billing.comparison import among, compare_customer, differing, looks_made
from billing.details import to_send
from billing.errors import LagoError
from billing.prepaid_values import Wallet
from billing.subscription_step import terminate
from billing.values import Customer, Plan
from billing.wallet_step import in_use
from kernel import (
    Action,
    Divergence,
    Fact,
    Facts,
    Made,
    Problem,
    Removal,
    Removed,
    Since,
    Step,
    Task,
    Thing,
    Verdict,
    Wanted,
)
from kernel.columns import OPENING_BALANCE
from kernel.invoice_columns import COUNTRY, INVOICE_COLUMNS, TAX_ID

HAS_MONEY = "its wallet was used, and would end with it; it stays, without a subscription"
SECOND_CURRENCY = "allow_second_currency"  # the option that lifts our caution
OLDER = "it was there before the run"
REFUSED_STATUS = 422

NEW = Verdict(Action.CREATE)

Wallets = Mapping[str, Sequence[Wallet]]


@dataclass(frozen=True, slots=True)
class Back:
    """What there is of customers beside what the run made; nothing of those who have none of it."""

    wallets: Wallets
    invoices: Mapping[str, int]
    with_others: Collection[str]  # who has subscriptions under other ids than the one that we choose
    without_usual: Collection[str]  # who has none under that one


class LagoCustomerStep(Step):
    """A Lago customer under the row's external_id. One that exists is adopted and never written to."""

    name = "lago_customer"
    noun = "customer"
    system = "Lago"
    can_be_left = False
    alters = "lago_customer_currency_will_be_set"
    consequences = {
        "missing": "Nobody is billed, and with the customer its subscription has gone.",
        "other_object": "What the run made has gone with the former customer: its subscription and balance.",
        "drifted": "Invoices carry what Lago has.",
    }
    gives = tuple(column.name for column in INVOICE_COLUMNS)

    def __init__(
        self,
        client: LagoClient,
        plans: Mapping[str, Plan],
        births: Births | None = None,
        can: Abilities | None = None,
        seen: Seen | None = None,
        *,
        taxes_by_country: bool = False,
    ) -> None:
        self.client = client
        self.needs = (COUNTRY.name, TAX_ID.name) if taxes_by_country else ()
        self.plans = plans
        self.births = births or Births()
        self.can = can or Abilities(client, None)
        self.seen = seen or Seen()

    @classmethod
    def altering(cls, number: int) -> str:
        who = "1 Lago customer has" if number == 1 else f"{number:,} Lago customers have"
        return f"{who} no currency yet, and get the plan's with the subscription."

    def look_up(self, rows: Iterable[Wanted]) -> Mapping[str, Customer]:
        found = self.client.customers_by_id(row.external_id for row in rows if row.external_id)
        self.seen.note(found)
        return found

    def remember(self, rows: Iterable[Wanted]) -> Facts:
        keys = (row.external_id for row in rows if row.external_id in self.seen)
        return {key: self.seen.zone_of(key) for key in keys}

    def recall(self, known: Facts) -> None:
        self.seen.recall(known)

    def check(self, wanted: Wanted, found: Mapping[str, Customer]) -> Verdict:
        customer = found.get(wanted.external_id)
        if customer is None:
            return NEW
        plan = self.plans.get(wanted.plan_code)
        conflicts = bool(plan and customer.currency and customer.currency != plan.amount_currency)
        liftable = conflicts and self.can.mixes_currencies is True
        conflict = (
            reports.currency_conflict(wanted, customer, plan, liftable=liftable)
            if plan and conflicts
            else None
        )
        if conflict and not liftable:
            return Verdict(None, problems=(conflict,))
        differs = differing(wanted, customer)
        sets = self._currency_set(wanted) if customer.currency is None else ""
        return Verdict(
            Action.ADOPT,
            ref=customer.lago_id,
            exists=(reports.customer_exists(wanted),),
            warnings=(reports.customer_differs(wanted, differs),) if differs else (),
            looks_made=looks_made(wanted, customer),
            unless_allowed={SECOND_CURRENCY: conflict} if conflict else {},
            theirs=(reports.currency_will_be_set(wanted.external_id, sets),) if sets else (),
            change=bool(sets),
            undo={"currency": sets} if sets else None,
        )

    def _currency_set(self, wanted: Wanted) -> str:
        """Return the currency that the first subscription gives a customer without one."""
        plan = self.plans.get(wanted.plan_code)
        return (plan and plan.amount_currency) or ""

    def altered(self, wanted: Wanted, ref: str) -> Problem | None:
        currency = self._currency_set(wanted)
        return reports.currency_will_be_set(wanted.external_id, currency) if currency else None

    def create(self, task: Task) -> Made:
        """Make the customer. One that is adopted is not written to: a subscription sets its currency."""
        if task.verdict.action is Action.ADOPT:
            return Made(task.verdict.ref, adopted=True, undo=task.verdict.undo)
        wanted = task.wanted
        made = self.client.create_customer(
            external_id=wanted.external_id,
            name=wanted.display_name,
            email=wanted.email,
            details=to_send(wanted),
            tried=task.verdict.tried,
        )
        self.births.note(wanted.external_id)
        sets = self._currency_set(wanted) if made.existed and made.customer.currency is None else ""
        return Made(
            made.customer.lago_id,
            adopted=made.existed,
            undo={"currency": sets} if sets else None,
            remarks=() if made.is_connected else (reports.payment_not_connected(wanted),),
        )

    def part_of(self, found: Mapping[str, Customer], things: Sequence[Thing]) -> Mapping[str, Customer]:
        return among(found, things)

    def found_in(self, part: Mapping[str, Customer]) -> Mapping[str, Customer]:
        self.seen.note(part)
        return part

    def remove(self, thing: Thing, found: Mapping[str, Customer]) -> Removed:
        """Delete the customer that the run made, after seeing that nothing is left that Lago would bill."""
        external_id = thing.wanted.external_id
        customer = found.get(external_id)
        if customer is None:
            return Removed(Removal.GONE)
        if customer.lago_id != thing.ref:
            return Removed(Removal.KEPT, "another Lago customer has this external_id by now")
        if thing.undo:
            return Removed(Removal.KEPT, self._give_back(customer, thing.undo["currency"]))
        for subscription in self.client.subscriptions_of_customer(external_id):
            terminate(self.client, subscription)
        if _may_have_money(thing) and _has_money(thing, self.client.wallets_of({external_id})):
            return Removed(Removal.KEPT, HAS_MONEY)
        gone = self.client.delete_customer(external_id) is None
        return Removed(Removal.GONE if gone else Removal.REMOVED)

    def look_back(self, things: Iterable[Thing], since: Since) -> Back:
        made: dict[str, None] = {}  # in the order of the things, as what was found is gone through
        with_balance: set[str] = set()
        for thing in things:
            if _may_have_money(thing):
                with_balance.add(thing.wanted.external_id)
            if thing.is_made and not thing.undo:
                made[thing.wanted.external_id] = None
        invoices = self.client.invoices_of(made)
        return self._beside(made, {who: number for who, number in invoices.items() if number}, with_balance)

    def _beside(self, made: Collection[str], invoices: Mapping[str, int], with_balance: set[str]) -> Back:
        with_others, without_usual = set(), set()
        found = self.seen.live_of(made)
        found = self.client.subscriptions_of(made) if found is None else found
        for who in made:
            live = found[who]
            ids = {one.external_id for one in live if one.external_customer_id == who}
            if ids - {f"{PREFIX}{who}"}:
                with_others.add(who)
            if f"{PREFIX}{who}" not in ids:
                without_usual.add(who)
        return Back(self.client.wallets_of(with_balance), invoices, with_others, without_usual)

    def _give_back(self, customer: Customer, currency: str) -> str:
        """Take a currency from an adopted customer that our subscription gave it; say what became of it.

        Only where this Lago takes one back, it is still that one, and nobody bills in it: nothing but the one
        field is sent, and a POST leaves all others. Which currency stood before is known: none.
        """
        if customer.currency != currency:
            return OLDER
        if self.can.mixes_currencies and not self._is_billed(customer):
            try:
                self.client.blank_currency(customer)
            except LagoError as error:
                if error.status != REFUSED_STATUS:
                    raise
            else:
                return f"{OLDER}; its currency {currency}, which the run's subscription set, is blank again"
        return f"{OLDER}; it keeps the currency {currency}, which the run's subscription set"

    def _is_billed(self, customer: Customer) -> bool:
        """Return whether it has other subscriptions or invoices, which are in its currency."""
        live = self.client.subscriptions_of_customer(customer.external_id)
        return bool(live) or any(self.client.invoices_of({customer.external_id}).values())

    def forecast(self, thing: Thing, found: Mapping[str, Customer], back: Back) -> str:
        if _has_money(thing, back.wallets):
            return HAS_MONEY
        customer = found.get(thing.wanted.external_id)
        if not thing.undo or customer is None or customer.lago_id != thing.ref:
            return ""
        if customer.currency is None:
            return OLDER
        way = "tries to take back" if self.can.mixes_currencies else "cannot take back: this Lago does not"
        return f"{OLDER}; the run's subscription set its currency, which a revert {way}"

    def compare(self, thing: Thing, found: Mapping[str, Customer]) -> Sequence[Divergence]:
        return compare_customer(thing.wanted, thing.ref, found.get(thing.wanted.external_id))

    def activity(
        self, things: Sequence[Thing], found: Any, back: Back, since: Since
    ) -> Iterator[tuple[str, str]]:
        """Tell of invoices, and of subscriptions beside the one that the run made."""
        made = {thing.wanted.external_id: thing for thing in things if thing.is_made and not thing.undo}
        for external_id in made:
            if number := back.invoices.get(external_id):
                yield external_id, f"invoices in Lago: {number}"
        for external_id, thing in made.items():
            is_theirs = thing.facts.get(Fact.SUBSCRIPTION_KEY) is None  # even the one under our id
            if external_id in back.with_others or (is_theirs and external_id not in back.without_usual):
                yield external_id, "has other subscriptions in Lago"


def _may_have_money(thing: Thing) -> bool:
    """Return whether a wallet would end with the customer: its row has an opening balance."""
    return thing.is_made and bool(OPENING_BALANCE.of(thing.wanted))


def _has_money(thing: Thing, wallets: Wallets) -> bool:
    return any(in_use(one, thing.wanted) for one in wallets.get(thing.wanted.external_id, ()))

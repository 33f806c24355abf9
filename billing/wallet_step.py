"""The step `lago_wallet`: what a customer has in hand, as credits that Lago takes off the bills.

They are granted and never paid, so nobody is billed for them. It comes after the subscription, which settles
the customer's currency. Lago has no key for a wallet that all of its versions know: it is found by its name.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal

from billing import prepaid_reports as reports
from billing.client import LagoClient
from billing.comparison import among, recorded
from billing.errors import UNEXPECTED, LagoError
from billing.prepaid_values import Wallet
from billing.values import Plan
from kernel import (
    Action,
    Count,
    Divergence,
    Made,
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
from kernel.money import cents

Found = Mapping[str, Sequence[Wallet]]  # by the customer's external_id; none of one who is not there

ONE = Decimal(1)  # a credit is worth one unit of the currency
IN_USE = "credits of it were spent, or added by somebody; it stays as it is"


class LagoWalletStep(Step):
    name = "lago_wallet"
    noun = "wallet"
    system = "Lago"
    can_be_left = False
    is_counted = True
    harmless = ("other_amount",)
    consequences = {
        "missing": "The customer is asked to pay for what the opening balance was to pay.",
        "terminated": "The customer is asked to pay for what the balance was to pay.",
        "other_amount": "The customer pays with more, or with less, than the file brought.",
    }

    def __init__(self, client: LagoClient, plans: Mapping[str, Plan]) -> None:
        self.client = client
        self.plans = plans

    def is_asked(self, wanted: Wanted) -> bool:
        return bool(OPENING_BALANCE.of(wanted))  # an empty wallet would do nothing

    # --- Plan ----------------------------------------------------------------------------------------

    def look_up(self, rows: Iterable[Wanted]) -> Found:
        """Read the wallets of customers who are there: Lago tells of one customer at a time."""
        asked = {row.external_id for row in rows if row.external_id and self.is_asked(row)}
        return self.client.wallets_of(self.client.customers_by_id(asked))

    def check(self, wanted: Wanted, found: Found) -> Verdict:
        plan = self.plans.get(wanted.plan_code)
        if plan and plan.amount_currency is None:
            return Verdict(None, problems=(reports.no_currency(wanted),))
        wallets = found.get(wanted.external_id, ())
        ours = [one for one in wallets if one.name == name_of(wanted)]
        active = [one for one in ours if one.is_active]
        if len(active) > 1:
            return Verdict(None, ref=active[0].lago_id, problems=(reports.two_wallets(wanted),))
        if active:
            return self._adopt(wanted, active[0], plan)
        if any(one.is_active for one in wallets):
            return Verdict(None, problems=(reports.other_wallet(wanted),))
        return _new(wanted, ours)

    def _adopt(self, wanted: Wanted, wallet: Wallet, plan: Plan | None) -> Verdict:
        """Take ours, whatever was spent of it. Lago fills a wallet a moment after it has made it."""
        is_worth_it = wallet.rate_amount == ONE and (not plan or wallet.currency == plan.amount_currency)
        if not is_worth_it or wallet.put_in not in (0, OPENING_BALANCE.of(wanted)):
            return Verdict(None, ref=wallet.lago_id, problems=(reports.other_amount(wanted, wallet),))
        return Verdict(
            Action.ADOPT,
            ref=wallet.lago_id,
            exists=(reports.wallet_exists(wanted),),
            warnings=() if wallet.put_in else (reports.wallet_empty(wanted),),
            looks_made=True,
        )

    def count(self, wanted: Wanted) -> Count:
        currency = self.plans[wanted.plan_code].amount_currency
        return Count(currency or "", cents(OPENING_BALANCE.of(wanted), currency), currency)

    # --- Apply ---------------------------------------------------------------------------------------

    def create(self, task: Task) -> Made:
        wanted, amount = task.wanted, OPENING_BALANCE.of(task.wanted)
        currency = self.plans[wanted.plan_code].amount_currency
        if currency is None:
            raise ValueError("a wallet needs a currency")
        made = self.client.create_wallet(
            external_customer_id=wanted.external_id,
            name=name_of(wanted),
            currency=currency,
            granted=amount,
        )
        if (made.currency, made.rate_amount) != (currency, ONE) or made.put_in not in (0, amount):
            raise LagoError(UNEXPECTED, "Lago answered with another wallet than was asked for", sent=True)
        return Made(made.lago_id)

    # --- Reconcile -----------------------------------------------------------------------------------

    def look_again(self, things: Iterable[Thing], since: Since) -> Found:
        return self.client.wallets_of({thing.wanted.external_id for thing in things})

    def compare(self, thing: Thing, found: Found) -> Sequence[Divergence]:
        """Compare what was put in: to spend of it is what it is for."""
        wallet = _recorded(thing, found)
        if wallet is None:
            return [reports.wallet_missing()]
        if not wallet.is_active:
            return [reports.wallet_ended()]
        if wallet.put_in != OPENING_BALANCE.of(thing.wanted):
            return [reports.amount_changed(thing.wanted, wallet)]
        return []

    # --- Revert --------------------------------------------------------------------------------------

    def activity(
        self, things: Sequence[Thing], found: Found, back: object, since: Since
    ) -> Iterator[tuple[str, str]]:
        for thing in things:
            wallet = _recorded(thing, found) if thing.is_made else None
            if wallet and wallet.consumed:
                yield thing.wanted.external_id, reports.credits_spent(wallet)
            elif wallet and in_use(wallet, thing.wanted):
                yield thing.wanted.external_id, "credits were added to the wallet in Lago"

    def forecast(self, thing: Thing, found: Found, back: object) -> str:
        wallet = _recorded(thing, found)
        return IN_USE if wallet and in_use(wallet, thing.wanted) else ""

    def part_of(self, found: Found, things: Sequence[Thing]) -> Found:
        return among(found, things)

    def remove(self, thing: Thing, found: Found) -> Removed:
        """End the wallet while it is as the run filled it. Look once more: money was spent a moment ago."""
        wallet = self.client.wallet(thing.ref)
        if wallet is None or not wallet.is_active:
            return Removed(Removal.GONE)
        if in_use(wallet, thing.wanted):
            return Removed(Removal.KEPT, IN_USE)
        ended = self.client.terminate_wallet(thing.ref)
        return Removed(Removal.GONE if ended is None else Removal.REMOVED)


def name_of(wanted: Wanted) -> str:
    """Name the wallet after its customer, so that an unanswered create can be looked up."""
    return f"backfill-{wanted.external_id}"


def in_use(wallet: Wallet, wanted: Wanted) -> bool:
    """Return whether an active wallet holds more, or has held more, than the run's untouched credits."""
    return wallet.is_active and (
        wallet.consumed > 0 or wallet.put_in > (OPENING_BALANCE.of(wanted) or Decimal(0))
    )


def _new(wanted: Wanted, ended: Sequence[Wallet]) -> Verdict:
    """Make one, unless money of an earlier one was spent: that is not given twice."""
    spent = next((one for one in ended if one.consumed), None)
    if spent:
        return Verdict(None, ref=spent.lago_id, problems=(reports.wallet_spent(wanted),))
    return Verdict(Action.CREATE, warnings=(reports.wallet_again(wanted),) if ended else ())


def _recorded(thing: Thing, found: Found) -> Wallet | None:
    return recorded(thing.ref, found.get(thing.wanted.external_id, ()))

"""Random files and random prior states: small pools, so that values meet, clash and repeat."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from random import Random
from typing import Any

from django.db import IntegrityError, transaction

from billing.client import LagoError
from customers.backfill.engine.progress import Progress
from customers.backfill.engine.stop import Stop
from customers.backfill.refused import Refused
from customers.models import IdTagMapping, User
from rehearsal.lago import Sandbox
from tests.customers.factories import (
    Row,
    client_of,
    customer,
    imported,
    lago_customer,
    lago_subscription,
    mapping,
    row,
    staff,
)

PLANS = ("standard:1000:EUR", "fleet:5000:EUR", "dollars:900:USD")
STARTS = {
    "past": datetime(2024, 1, 1, tzinfo=UTC),
    "other": datetime(2024, 2, 1, tzinfo=UTC),
    "future": datetime(2090, 1, 1, tzinfo=UTC),
}

# --- Files -------------------------------------------------------------------------------------------

MUTATIONS = {
    "email": ["customer1@example.com", "CUSTOMER2@example.com", "o'neill+b@x-y.example.com", "nobody", ""],
    "display_name": ["Customer 1", "Somebody Else", ""],
    "external_id": ["C-1", "C-2", "c-1", "a.b", "a/b?c#%", "ß ΟΔΟΣ", "."],
    "id_tag": ["CARD1", "card2", "no card", "META-1"],
    "plan_code": ["fleet", "dollars", "gold"],
    "start_date": ["2024-02-01", "2090-01-01", "soon"],
    "billed_until": ["2026-11-10", "2027-12-31", "soon"],
    "old_amount": ["12.50", "0", "a lot"],
}
# Columns that a file may have; a file without them is one of these, too.
OPTIONAL = {
    "end_date": ["", "", "2999-04-01", "2020-01-01"],
    "open_usage_kwh": ["", "12.5", "0", "-3"],
    "opening_balance": ["", "0", "25.00", "25.00", "7", "much"],
    "city": ["", "Bremen", "Bremen", "Hamburg", "Bremen\x1fOst"],
    "country": ["", "de", "DE", "Germany"],
    "coupon": ["", "free", "free", "half", "bucks", "gone", "over"],
}
COUPONS = (
    "free:100%",
    "half:50%:once",
    "bucks:500USD",
    {"code": "over", "percentage_rate": "10", "terminated_at": "2025-01-01T00:00:00Z"},
)


def random_rows(dice: Random) -> list[Row]:
    """Rows of few customers with few cards, most of them as they should be."""
    made = [_random_row(dice, place) for place in range(dice.randint(1, 5))]
    for name in OPTIONAL:
        if dice.random() < 0.4:
            _fill(dice, made, name)
    return made


def _fill(dice: Random, made: list[Row], name: str) -> None:
    """Give each customer a value, mostly the same in all of the customer's rows."""
    values = {one["external_id"]: dice.choice(OPTIONAL[name]) for one in made}
    for one in made:
        one[name] = values[one["external_id"]] if dice.random() < 0.95 else dice.choice(OPTIONAL[name])


def _random_row(dice: Random, place: int) -> Row:
    card = place if dice.random() < 0.9 else 1
    made = row(dice.randint(1, 3), id_tag=f"CARD{card}")
    if dice.random() < 0.2:
        name = dice.choice([*MUTATIONS])
        made[name] = dice.choice(MUTATIONS[name])
    return made


# --- What was there before ---------------------------------------------------------------------------

Change = Callable[[Sandbox, list[Row]], Any]


@dataclass(frozen=True, slots=True)
class Before:
    """One thing that happened before; `words` tell it when a test fails."""

    words: str
    happen: Change

    def __repr__(self) -> str:
        return self.words

    def apply(self, lago: Sandbox, given: list[Row]) -> None:
        """Let it happen, if the state allows it."""
        with suppress(IntegrityError, LagoError, Refused, User.DoesNotExist), transaction.atomic():
            self.happen(lago, given)


class Halt(Progress):
    """Stops a run after its first batches."""

    def __init__(self, stop: Stop, rows: int) -> None:
        self._stop, self._left = stop, rows

    def advance(self, number: int) -> None:
        self._left -= number
        if self._left <= 0:
            self._stop.request("SIGINT", interrupted=True)


def _user(number: int, **changes: Any) -> Before:
    return Before(f"user {number} {changes}", lambda lago, given: customer(number, **changes))


def _mapping(number: int, card: str, *, active: bool) -> Before:
    def happen(lago: Sandbox, given: list[Row]) -> None:
        mapping(User.objects.get(external_id=f"C-{number}"), id_tag=card, is_active=active)

    return Before(f"mapping {number} {card} active={active}", happen)


def _in_lago(number: int, **changes: Any) -> Before:
    return Before(
        f"Lago customer {number} {changes}", lambda lago, given: lago_customer(lago, number, **changes)
    )


def _subscribed(number: int, key: str, plan: str, start: str) -> Before:
    def happen(lago: Sandbox, given: list[Row]) -> None:
        lago_subscription(lago, number, external_id=key, plan_code=plan, subscription_at=STARTS[start])

    return Before(f"subscription {number} {key} {plan} {start}", happen)


def _wallet(number: int, amount: str, name: str) -> Before:
    def happen(lago: Sandbox, given: list[Row]) -> None:
        with client_of(lago) as client:
            client.create_wallet(
                external_customer_id=f"C-{number}", name=name, currency="EUR", granted=Decimal(amount)
            )

    return Before(f"wallet {number} {amount} {name}", happen)


def _wallet_ended(number: int) -> Before:
    def happen(lago: Sandbox, given: list[Row]) -> None:
        with client_of(lago) as client:
            for wallet in client.wallets_of([f"C-{number}"])[f"C-{number}"]:
                client.terminate_wallet(wallet.lago_id)

    return Before(f"wallets of {number} ended", happen)


def _coupon(number: int, code: str) -> Before:
    def happen(lago: Sandbox, given: list[Row]) -> None:
        with client_of(lago) as client:
            client.apply_coupon(external_customer_id=f"C-{number}", coupon_code=code)

    return Before(f"coupon {number} {code}", happen)


def _coupon_ended(number: int) -> Before:
    def happen(lago: Sandbox, given: list[Row]) -> None:
        with client_of(lago) as client:
            for applied in client.applied_coupons_of([f"C-{number}"])[f"C-{number}"]:
                client.remove_applied_coupon(f"C-{number}", applied.lago_id)

    return Before(f"coupons of {number} taken away", happen)


def _ended(key: str) -> Before:
    def happen(lago: Sandbox, given: list[Row]) -> None:
        with client_of(lago) as client:
            client.terminate_subscription(key, pending=False)

    return Before(f"ended {key}", happen)


def _deleted(external_id: str) -> Before:
    def happen(lago: Sandbox, given: list[Row]) -> None:
        with client_of(lago) as client:
            client.delete_customer(external_id)

    return Before(f"deleted {external_id}", happen)


def _switched_off(card: str) -> Before:
    return Before(
        f"switched off {card}",
        lambda lago, given: IdTagMapping.objects.filter(id_tag=card).update(is_active=False),
    )


def _run(rows: list[Row] | None, fault: str, halt: int, *, skip_existing: bool) -> Before:
    def happen(lago: Sandbox, given: list[Row]) -> None:
        if fault:
            lago.fault(fault)
        stop = Stop()
        imported(
            given if rows is None else rows,
            stop=stop,
            progress=Halt(stop, halt) if halt else None,
            batch_size=1,
            concurrency=1,
            allow_partial=True,
            skip_existing=skip_existing,
        )
        lago.clear_faults()

    what = "this file" if rows is None else rows
    return Before(f"run over {what} fault={fault!r} halt={halt} skip_existing={skip_existing}", happen)


CARDS = ["CARD0", "CARD1", "card1", "CARD2"]
KEYS = ["backfill-C-1", "backfill-C-2", "sub-1"]
FAULTS = [
    "",
    "",
    "500,method=POST,times=5",
    "500_after,method=POST,times=5",
    "500_after,method=POST,nth=2,times=5",
]
STAFF = Before("staff", lambda lago, given: staff("customer1@example.com"))
PLAN_ENDS = Before(
    "plan ends", lambda lago, given: lago.put_plans({"code": "fleet", "pending_deletion": True})
)


def random_before(dice: Random) -> list[Before]:
    return [dice.choice(CHANGES)(dice, dice.randint(1, 3)) for _ in range(dice.randint(0, 6))]


CHANGES: list[Callable[[Random, int], Before]] = [
    lambda dice, number: _user(number),
    lambda dice, number: _user(number, external_id=dice.choice([None, None, "c-1", "OTHER"])),
    lambda dice, number: _user(number, email="other@example.com"),
    lambda dice, number: STAFF,
    lambda dice, number: _mapping(number, dice.choice(CARDS), active=dice.random() < 0.5),
    lambda dice, number: _in_lago(number),
    lambda dice, number: _in_lago(number, currency="USD"),
    lambda dice, number: _in_lago(number, name="Somebody Else"),
    lambda dice, number: _subscribed(number, f"backfill-C-{number}", "standard", dice.choice([*STARTS])),
    lambda dice, number: _subscribed(number, "sub-1", "standard", dice.choice([*STARTS])),
    lambda dice, number: _subscribed(number, dice.choice(KEYS), "fleet", dice.choice([*STARTS])),
    lambda dice, number: _wallet(number, dice.choice(["25", "25", "9"]), f"backfill-C-{number}"),
    lambda dice, number: _wallet(number, "25", "gift"),
    lambda dice, number: _wallet_ended(number),
    lambda dice, number: _coupon(number, dice.choice(["free", "free", "half"])),
    lambda dice, number: _coupon_ended(number),
    lambda dice, number: _ended(dice.choice(KEYS)),
    lambda dice, number: _deleted(f"C-{number}"),
    lambda dice, number: _switched_off(dice.choice(CARDS)),
    lambda dice, number: PLAN_ENDS,
    lambda dice, number: _run(
        random_rows(dice), dice.choice(FAULTS), dice.randint(0, 2), skip_existing=dice.random() < 0.7
    ),
    *[
        lambda dice, number: _run(
            None, dice.choice(FAULTS), dice.randint(0, 2), skip_existing=dice.random() < 0.7
        )
    ]
    * 4,
]

"""The whole state as comparable JSON: without ids and times that differ between equal histories."""

from datetime import datetime
from typing import Any

from rehearsal.lago.clock import seconds
from rehearsal.lago.journal import CreditNote, Invoice
from rehearsal.lago.tables import (
    AppliedCoupon,
    Coupon,
    Customer,
    Event,
    Plan,
    Subscription,
    Wallet,
    WalletTransaction,
    columns,
)
from rehearsal.lago.world import World
from rehearsal.stand_in.messages import Json

# Given by the server, or the time of a call: the same history played twice differs here and nowhere else.
SERVER_IDS = frozenset(
    {"lago_id", "customer_id", "plan_id", "subscription_id", "invoice_id", "previous_id", "lago_item_id"}
    | {"add_on_id", "wallet_id", "coupon_id"}
    | {"sequential_id", "number", "invoice_number"}
)
SERVER_TIMES = frozenset(
    {"created_at", "updated_at", "deleted_at", "activated_at", "terminated_at", "canceled_at"}
    | {"billed_until", "paid_until", "due_at", "trial_ended_at", "issued_at", "from_date", "to_date"}
    | {"last_consumed_at"}
)
VOLATILE = SERVER_IDS | SERVER_TIMES


def snapshot(world: World, *, live: bool = False, volatile: bool = False) -> Json:
    """Return every row, sorted by what the caller chose.

    `live` leaves out what has ended (deleted customers, terminated and cancelled subscriptions);
    `volatile` adds the ids and times.
    """
    hidden = frozenset() if volatile else VOLATILE
    subscriptions = [row for row in world.subscriptions if not live or row.status in ("active", "pending")]
    tables: dict[str, list[Json]] = {
        "customers": [_row(row, hidden) for row in world.customers],
        "deleted_customers": [] if live else [_row(row, hidden) for row in world.deleted_customers],
        "plans": [_row(row, hidden) for row in world.plans],
        "subscriptions": [_subscription(world, row, hidden) for row in subscriptions],
        "events": [_row(row, hidden) for row in world.events],
        "invoices": [_row(row, hidden) for row in world.journal.invoices],
        "credit_notes": [_row(row, hidden) for row in world.journal.credit_notes],
        "coupons": [_row(row, hidden) for row in world.purses.coupons],
        **_prepaid(world, hidden, live=live),
    }
    return {name: sorted(rows, key=_chosen) for name, rows in tables.items()}


def _prepaid(world: World, hidden: frozenset[str], *, live: bool) -> dict[str, list[Json]]:
    purses = world.purses
    wallets = [row for row in purses.wallets.values() if not live or row.status == "active"]
    applied = [row for row in purses.applied.values() if not live or row.status == "active"]
    return {
        "wallets": [_owned(world, row, hidden) for row in wallets],
        "wallet_transactions": [] if live else [_row(row, hidden) for row in purses.transactions],
        "applied_coupons": [
            {**_owned(world, row, hidden), "coupon_code": purses.coupon_of(row).code} for row in applied
        ],
    }


def _owned(world: World, row: Wallet | AppliedCoupon, hidden: frozenset[str]) -> Json:
    owner = world.customer_by_id(row.customer_id)
    return {**_row(row, hidden), "external_customer_id": owner.external_id}


def _subscription(world: World, row: Subscription, hidden: frozenset[str]) -> Json:
    customer, plan = world.customer_of(row), world.plan_of(row)
    return {**_row(row, hidden), "external_customer_id": customer.external_id, "plan_code": plan.code}


Row = (
    Customer | Plan | Subscription | Event | Invoice | CreditNote | Wallet | WalletTransaction
    | Coupon | AppliedCoupon
)  # fmt: skip


def _row(row: Row, hidden: frozenset[str]) -> Json:
    return {name: _plain(value, hidden) for name, value in columns(row).items() if name not in hidden}


def _plain(value: Any, hidden: frozenset[str]) -> Any:
    if isinstance(value, datetime):
        return seconds(value)
    if isinstance(value, list):
        return [_shown(item, hidden) if isinstance(item, dict) else item for item in value]
    return value


def _shown(item: Json, hidden: frozenset[str]) -> Json:
    return {key: item[key] for key in item if key not in hidden}


def _chosen(row: Json) -> str:
    return repr(sorted((key, value) for key, value in row.items() if key not in VOLATILE))

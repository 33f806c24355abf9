"""Keep the sandbox's state in a JSON file, so that a restart goes on where it stopped."""

import json
from collections.abc import Iterable
from dataclasses import fields
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from rehearsal.lago.behaviour import VERSIONS, default_version
from rehearsal.lago.journal import CreditNote, Invoice
from rehearsal.lago.subscriptions.schedule import next_due
from rehearsal.lago.tables import (
    AppliedCoupon,
    Coupon,
    Customer,
    Event,
    Metric,
    Plan,
    Subscription,
    Wallet,
    WalletTransaction,
    columns,
)
from rehearsal.lago.webhooks.outbox import WebhookEndpoint
from rehearsal.lago.world import Organization, World
from rehearsal.stand_in.messages import Json

Row = TypeVar(
    "Row", Customer, Plan, Subscription, Event, Metric, Invoice, CreditNote, WebhookEndpoint,
    Wallet, WalletTransaction, Coupon, AppliedCoupon,
)  # fmt: skip


def save(world: World, path: Path) -> None:
    """Write the whole state beside the file and move it into place, so that it is never half written."""
    tables: dict[str, Iterable[Any]] = {
        "customers": [*world.customers, *world.deleted_customers],
        "plans": world.all_plans(),
        "metrics": world.metrics,
        "subscriptions": sorted(world.subscriptions, key=lambda row: row.created_at),
        "events": world.events,
        "invoices": world.journal.invoices,
        "credit_notes": world.journal.credit_notes,
        "webhook_endpoints": world.webhooks.endpoints,
        "wallets": world.purses.wallets.values(),
        "wallet_transactions": world.purses.transactions,
        "coupons": world.purses.coupons,
        "applied_coupons": world.purses.applied.values(),
    }
    state = {name: [columns(row) for row in rows] for name, rows in tables.items()}
    document = {"organization": columns(world.organization), **state}
    beside = path.with_name(f"{path.name}.new")
    beside.write_text(json.dumps(document, default=datetime.isoformat), encoding="utf-8")
    beside.replace(path)


def load(world: World, path: Path) -> None:
    """Fill an empty world; raise ValueError for a file that is not a saved state."""
    try:
        document: Json = json.loads(path.read_text(encoding="utf-8"))
        _fill(world, document)
    except (KeyError, TypeError, AttributeError, json.JSONDecodeError) as error:
        raise ValueError(f"{path.name} is not a saved sandbox state") from error


def _fill(world: World, document: Json) -> None:
    world.organization = Organization(**document["organization"])
    if world.organization.version in VERSIONS.values():  # not chosen: `--compat` decides anew
        world.organization.version = default_version(world.compat)
    for metric in _rows(Metric, document["metrics"]):
        world.metrics.add(metric)
    for plan in _rows(Plan, document["plans"]):
        world.add_plan(plan)
    for customer in sorted(_rows(Customer, document["customers"]), key=lambda row: row.sequential_id):
        world.add_customer(customer)
    for subscription in _rows(Subscription, document["subscriptions"]):
        world.add_subscription(subscription)
        if subscription.due_at is None:  # saved by a version that kept no due dates, or waiting for nothing
            subscription.due_at = next_due(world, subscription, subscription.created_at)
    for event in _rows(Event, document["events"]):
        world.add_event(event)
    world.journal.invoices = _rows(Invoice, document["invoices"])
    # A file of an earlier version has none.
    world.webhooks.endpoints = _rows(WebhookEndpoint, document.get("webhook_endpoints", []))
    world.journal.credit_notes = _rows(CreditNote, document["credit_notes"])
    _fill_purses(world, document)


def _fill_purses(world: World, document: Json) -> None:
    """Fill in what files of earlier versions do not have."""
    for wallet in _rows(Wallet, document.get("wallets", [])):
        world.purses.add_wallet(wallet)
    world.purses.transactions = _rows(WalletTransaction, document.get("wallet_transactions", []))
    world.purses.coupons = _rows(Coupon, document.get("coupons", []))
    for applied in _rows(AppliedCoupon, document.get("applied_coupons", [])):
        world.purses.apply(applied)


def _rows(kind: type[Row], rows: list[Json]) -> list[Row]:
    instants = {one.name for one in fields(kind) if one.type in (datetime, datetime | None)}
    return [kind(**{name: _value(name in instants, value) for name, value in row.items()}) for row in rows]


def _value(instant: bool, value: Any) -> Any:
    return datetime.fromisoformat(value) if instant and value is not None else value

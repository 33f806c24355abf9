"""Wallets and what goes in and out of them. Granted credits are there without an invoice; paid ones bill."""

from decimal import Decimal
from functools import partial
from typing import Any

from rehearsal.lago.codes import CURRENCIES
from rehearsal.lago.currency import settle_currency
from rehearsal.lago.errors import invalid_field, not_found, raise_if_any, root_missing
from rehearsal.lago.jobs import Job
from rehearsal.lago.journal import Invoice, Why
from rehearsal.lago.paging import page
from rehearsal.lago.params import Call, as_string, root, scalar
from rehearsal.lago.prepaid.numbers import decimal_or_none, from_cents, in_cents, shown
from rehearsal.lago.prepaid.wallet_views import transaction_json, wallet_json
from rehearsal.lago.tables import Customer, Wallet, WalletTransaction
from rehearsal.lago.world import World
from rehearsal.stand_in.messages import Json

MOST_WALLETS = 5  # active ones of a customer


def create(world: World, call: Call) -> Json:
    sent = root(call.params, "wallet")
    if sent is None:
        raise root_missing("wallet")
    customer = _checked(world, sent)
    settle_currency(world, customer, sent.get("currency") or None)
    wallet = Wallet(
        customer_id=customer.lago_id,
        currency=customer.columns["currency"],
        rate_amount=shown(decimal_or_none(sent.get("rate_amount")) or Decimal(0)),
        created_at=world.now(),
        name=as_string(sent.get("name")),
        code=as_string(sent.get("code")),
    )
    world.purses.add_wallet(wallet)
    world.webhooks.tell("wallet.created", wallet)
    # Lago answers first, and fills the wallet in a job.
    world.jobs.enqueue(Job("wallet_transactions", wallet.lago_id, partial(_fill, world, wallet, sent)))
    return {"wallet": wallet_json(world, wallet)}


def _checked(world: World, sent: Json) -> Customer:
    """Return the customer; raise RefusedError for what is wrong with the call, in two rounds as Lago does."""
    customer = world.customer(as_string(sent.get("external_customer_id")) or "")
    problems: dict[str, list[str]] = {}
    if customer is None:
        raise invalid_field("customer", "customer_not_found")
    if len(world.purses.active_wallets_of(customer)) >= MOST_WALLETS:
        problems["customer"] = ["wallet_limit_reached"]
    for name in ("paid_credits", "granted_credits"):
        if sent.get(name) is not None and not _is_amount(sent[name]):
            problems[name] = [f"invalid_{name}"]
    raise_if_any(problems)
    raise_if_any(_record_problems(world, customer, sent))
    return customer


def _is_amount(value: Any) -> bool:
    number = decimal_or_none(value)
    return number is not None and number >= 0


def _record_problems(world: World, customer: Customer, sent: Json) -> dict[str, list[str]]:
    problems: dict[str, list[str]] = {}
    rate = decimal_or_none(sent.get("rate_amount"))
    if rate is None or rate <= 0:
        problems["rate_amount"] = ["value_is_out_of_range"]
    if sent.get("currency") and sent["currency"] not in CURRENCIES:
        problems["currency"] = ["value_is_invalid"]
    code = as_string(sent.get("code"))
    if code and code in {wallet.code for wallet in world.purses.active_wallets_of(customer)}:
        problems["code"] = ["value_already_exist"]
    return problems


def _fill(world: World, wallet: Wallet, sent: Json) -> None:
    granted = decimal_or_none(sent.get("granted_credits")) or Decimal(0)
    paid = decimal_or_none(sent.get("paid_credits")) or Decimal(0)
    if granted:
        move(world, wallet, "granted", granted)
    if paid:
        _bill(world, wallet, paid)
        move(world, wallet, "purchased", paid)


def _bill(world: World, wallet: Wallet, credits: Decimal) -> None:
    """Bill paid credits at once."""
    customer = world.customer_by_id(wallet.customer_id)
    invoice = Invoice(
        number=f"SAN-0001-{customer.sequential_id:03}-{len(world.journal.invoices) + 1:03}",
        why=Why.PAID_CREDITS,
        customer_id=customer.lago_id,
        external_customer_id=customer.external_id,
        subscription_id="",
        external_subscription_id="",
        plan_code="",
        amount_cents=in_cents(credits * Decimal(wallet.rate_amount), wallet.currency),
        currency=wallet.currency,
        issued_at=world.now(),
    )
    world.journal.invoices.append(invoice)


def move(world: World, wallet: Wallet, status: str, credits: Decimal) -> WalletTransaction:
    """Put credits in (`granted`, `purchased`) or take them out (`invoiced`, `voided`)."""
    comes_in = status in ("granted", "purchased")
    balance = Decimal(wallet.credits_balance) + (credits if comes_in else -credits)
    wallet.credits_balance = shown(balance)
    if status == "invoiced":
        wallet.consumed_credits = shown(Decimal(wallet.consumed_credits) + credits)
        wallet.last_consumed_at = world.now()
    amount = credits * Decimal(wallet.rate_amount)
    made = WalletTransaction(wallet.lago_id, status, shown(credits), shown(amount), world.now())
    world.purses.transactions.append(made)
    return made


def spend(world: World, customer: Customer, cents: int, currency: str) -> int:
    """Take an invoice off the customer's wallets, the oldest first, and return how much that was."""
    taken = 0
    for wallet in world.purses.active_wallets_of(customer):
        if wallet.currency != currency:
            continue
        worth = in_cents(Decimal(wallet.credits_balance) * Decimal(wallet.rate_amount), currency)
        if part := min(worth, cents - taken):
            move(world, wallet, "invoiced", from_cents(part, currency) / Decimal(wallet.rate_amount))
            taken += part
    return taken


def terminate(world: World, wallet: Wallet) -> None:
    if wallet.status == "active":
        wallet.status, wallet.terminated_at = "terminated", world.now()
        world.webhooks.tell("wallet.terminated", wallet)


def delete(world: World, call: Call) -> Json:
    wallet = _found(world, call.id)
    terminate(world, wallet)
    return {"wallet": wallet_json(world, wallet)}


def show(world: World, call: Call) -> Json:
    return {"wallet": wallet_json(world, _found(world, call.id))}


def _found(world: World, lago_id: str) -> Wallet:
    wallet = world.purses.wallets.get(lago_id)
    if wallet is None:
        raise not_found("wallet")
    return wallet


def index(world: World, call: Call) -> Json:
    """List the wallets of one customer, ended ones too."""
    customer = world.customer(scalar(call.params, "external_customer_id") or "")
    if customer is None:
        raise not_found("customer")
    rows, meta = page(world.purses.wallets_of(customer)[::-1], call.params)
    return {"wallets": [wallet_json(world, wallet) for wallet in rows], "meta": meta}


def transactions(world: World, call: Call) -> Json:
    wallet = _found(world, call.id)
    chosen = [one for one in world.purses.transactions if one.wallet_id == wallet.lago_id]
    rows, meta = page(chosen[::-1], call.params)
    return {"wallet_transactions": [transaction_json(one) for one in rows], "meta": meta}


def create_transactions(world: World, call: Call) -> Json:
    """Top a wallet up, or take credits away: paid, granted, voided."""
    sent = root(call.params, "wallet_transaction")
    if sent is None:
        raise root_missing("wallet_transaction")
    wallet = world.purses.wallets.get(as_string(sent.get("wallet_id")) or "")
    if wallet is None:
        raise invalid_field("wallet_id", "wallet_not_found")
    if wallet.status != "active":
        raise invalid_field("wallet_id", "wallet_is_terminated")
    return {"wallet_transactions": [transaction_json(one) for one in _moved(world, wallet, sent)]}


def _moved(world: World, wallet: Wallet, sent: Json) -> list[WalletTransaction]:
    made = []
    for name, status in (
        ("paid_credits", "purchased"), ("granted_credits", "granted"), ("voided_credits", "voided")
    ):  # fmt: skip
        if sent.get(name) is None:
            continue
        credits = decimal_or_none(sent[name])
        if credits is None or credits < 0:
            raise invalid_field(name, f"invalid_{name}")
        if status == "voided" and credits > Decimal(wallet.credits_balance):
            raise invalid_field(name, "insufficient_credits")
        if status == "purchased":
            _bill(world, wallet, credits)
        made.append(move(world, wallet, status, credits))
    return made

"""A wallet, and what goes in and out of it, as JSON."""

from decimal import Decimal

from rehearsal.lago.clock import seconds
from rehearsal.lago.prepaid.numbers import in_cents, shown
from rehearsal.lago.tables import Wallet, WalletTransaction
from rehearsal.lago.world import World
from rehearsal.stand_in.messages import Json


def wallet_json(world: World, wallet: Wallet) -> Json:
    rate, balance = Decimal(wallet.rate_amount), Decimal(wallet.credits_balance)
    cents = in_cents(balance * rate, wallet.currency)
    customer = world.customer_by_id(wallet.customer_id)
    return {
        "lago_id": wallet.lago_id,
        "lago_customer_id": wallet.customer_id,
        "external_customer_id": customer.external_id,
        "billing_entity_code": customer.billing_entity_code,
        "status": wallet.status,
        "currency": wallet.currency,
        "name": wallet.name,
        "code": wallet.code,
        "priority": 50,
        "rate_amount": wallet.rate_amount,
        "created_at": seconds(wallet.created_at),
        "expiration_at": seconds(wallet.expiration_at),
        "last_balance_sync_at": seconds(wallet.last_consumed_at),
        "last_consumed_credit_at": seconds(wallet.last_consumed_at),
        "terminated_at": seconds(wallet.terminated_at),
        "invoice_requires_successful_payment": False,
        "applies_to": {"fee_types": [], "billable_metric_codes": []},
        "recurring_transaction_rules": [],
        "applied_invoice_custom_sections": [],
        "credits_balance": wallet.credits_balance,
        "balance": shown(balance * rate),
        "balance_cents": cents,
        "consumed_credits": wallet.consumed_credits,
        "ongoing_balance_cents": cents,
        "ongoing_usage_balance_cents": 0,
        "credits_ongoing_balance": wallet.credits_balance,
        "credits_ongoing_usage_balance": "0.0",
        "paid_top_up_min_amount_cents": None,
        "paid_top_up_max_amount_cents": None,
    }


def transaction_json(one: WalletTransaction) -> Json:
    comes_in = one.transaction_status in ("granted", "purchased")
    at = seconds(one.created_at)
    return {
        "lago_id": one.lago_id,
        "lago_wallet_id": one.wallet_id,
        "lago_invoice_id": None,
        "lago_credit_note_id": None,
        "lago_voided_invoice_id": None,
        "priority": 50,
        "remaining_amount_cents": None,
        "remaining_credit_amount": None,
        "payment_method": {"payment_method_type": "provider", "payment_method_id": None},
        "status": "settled",
        "source": "manual",
        "transaction_status": one.transaction_status,
        "transaction_type": "inbound" if comes_in else "outbound",
        "amount": one.amount,
        "credit_amount": one.credit_amount,
        "settled_at": at,
        "failed_at": None,
        "created_at": at,
        "invoice_requires_successful_payment": False,
        "metadata": [],
        "name": None,
    }

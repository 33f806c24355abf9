"""What the tests of wallets and coupons put into Lago by hand, and read of it."""

from typing import Any

from rehearsal.lago import Sandbox
from tests.customers.factories import row
from tests.rehearsal.lago.calls import Caller

FREE = "free:100%"
KEY = "backfill-C-1"


def owed(number: int = 1, amount: str = "50.00", **changes: str) -> dict[str, str]:
    return row(number, opening_balance=amount, **changes)


def with_coupon(number: int = 1, code: str = "free", **changes: str) -> dict[str, str]:
    return row(number, coupon=code, **changes)


def wallets(lago: Sandbox, *, live: bool = True) -> list[tuple[str, str, str]]:
    """Of each wallet: whose it is, what is in it, and in which currency."""
    return [
        (one["external_customer_id"], one["credits_balance"], one["currency"])
        for one in lago.state(live=live)["wallets"]
    ]


def wallet_id(lago: Sandbox, external_id: str = "C-1") -> str:
    (found,) = [
        one["lago_id"]
        for one in lago.state(live=True, volatile=True)["wallets"]
        if one["external_customer_id"] == external_id
    ]
    return str(found)


def coupons(lago: Sandbox) -> list[tuple[str, str]]:
    """Who has which coupon."""
    found = lago.state(live=True)["applied_coupons"]
    return [(one["external_customer_id"], one["coupon_code"]) for one in found]


def give_wallet(by_hand: Caller, external_id: str = "C-1", **changes: Any) -> str:
    wallet = {
        "external_customer_id": external_id,
        "name": f"backfill-{external_id}",
        "rate_amount": "1",
        "currency": "EUR",
        "granted_credits": "50",
    }
    return str(by_hand.post("/wallets", {"wallet": wallet | changes}).body["wallet"]["lago_id"])


def give_coupon(by_hand: Caller, code: str = "free", external_id: str = "C-1", **changes: Any) -> str:
    given = {"external_customer_id": external_id, "coupon_code": code} | changes
    return str(by_hand.post("/applied_coupons", {"applied_coupon": given}).body["applied_coupon"]["lago_id"])


def change_credits(by_hand: Caller, wallet: str, **changes: str) -> None:
    by_hand.post("/wallet_transactions", {"wallet_transaction": {"wallet_id": wallet} | changes})


def next_month(lago: Sandbox) -> None:
    """Let Lago bill the month that is under way; it is the 2nd then, on which an import bills nothing."""
    now = lago.steer("POST", "clock")["now"]
    year, month = int(now[:4]), int(now[5:7])
    second = f"{year + month // 12}-{month % 12 + 1:02}-02T02:00:00Z"
    lago.set_clock(second)


def bills(lago: Sandbox) -> list[tuple[str, int, int, int]]:
    """Of each invoice: whose, its fees, and what coupons and credits took off them."""
    return [
        (
            one["external_customer_id"],
            one["amount_cents"],
            one["coupons_amount_cents"],
            one["prepaid_credit_amount_cents"],
        )
        for one in lago.journal()["invoices"]
    ]

"""The words about wallets and coupons: problems, warnings and divergences."""

from collections.abc import Iterator
from decimal import Decimal

from billing.prepaid_values import AppliedCoupon, Coupon, Wallet
from billing.reports import ADOPT
from billing.values import Plan
from kernel import Bill, Divergence, Problem, Wanted
from kernel.columns import COUPON, OPENING_BALANCE
from kernel.money import written

SETTLED = "Settle it in Lago, or leave the cell empty."

# --- Wallets ---------------------------------------------------------------------------------------------


def no_currency(wanted: Wanted) -> Problem:
    return Problem(
        "opening_balance_no_currency",
        "opening_balance",
        f"The plan {wanted.plan_code} has no currency, so the opening balance has none.",
        "Take a plan with a currency, or leave the cell empty.",
    )


def wallet_exists(wanted: Wanted) -> Problem:
    told = f"The Lago customer {wanted.external_id} has the wallet with the opening balance already."
    return Problem("lago_wallet_exists", "opening_balance", told, ADOPT)


def other_wallet(wanted: Wanted) -> Problem:
    return _conflict(f"The Lago customer {wanted.external_id} has a wallet that no run has made.")


def two_wallets(wanted: Wanted) -> Problem:
    return _conflict(f"The Lago customer {wanted.external_id} has the wallet of an opening balance twice.")


def other_amount(wanted: Wanted, wallet: Wallet) -> Problem:
    return _conflict(
        f"The wallet of the Lago customer {wanted.external_id} was filled with {_credits(wallet)}, "
        f"and the file wants {_amount(OPENING_BALANCE.of(wanted))}."
    )


def _conflict(told: str) -> Problem:
    return Problem("lago_wallet_conflict", "opening_balance", told, SETTLED)


def wallet_spent(wanted: Wanted) -> Problem:
    told = f"The Lago customer {wanted.external_id} had this opening balance, spent of it, and it was ended."
    hint = "It is not given again: leave the cell empty, or settle in Lago what is left."
    return Problem("lago_wallet_spent", "opening_balance", told, hint)


def wallet_again(wanted: Wanted) -> Problem:
    told = f"The Lago customer {wanted.external_id} had this opening balance, and it was ended unspent."
    return Problem("lago_wallet_again", "opening_balance", told, "It is given again; see that it is meant.")


def billed_before_balance(bill: Bill) -> Problem:
    amount = written(bill.amount_cents, bill.currency)
    told = f"Lago bills {amount} as soon as the subscription is there, before the customer has the balance."
    hint = (
        "That bill is paid without the balance; the next ones take it. An earlier or a later start avoids it."
    )
    return Problem("opening_balance_late", "opening_balance", told, hint)


def wallet_empty(wanted: Wanted) -> Problem:
    told = f"The wallet of the Lago customer {wanted.external_id} is there, and its credits are not."
    hint = "Lago fills a wallet a moment after it has made it. If it stays empty, look at Lago's jobs."
    return Problem("lago_wallet_empty", "opening_balance", told, hint)


def wallet_missing() -> Divergence:
    remedy = "Run the same file again with --skip-existing: it is made again."
    return Divergence("missing", "a wallet", "none", remedy)


def wallet_ended() -> Divergence:
    remedy = "Somebody ended it in Lago: find out who, and what became of the balance."
    return Divergence("terminated", "an active wallet", "an ended one", remedy)


def amount_changed(wanted: Wanted, wallet: Wallet) -> Divergence:
    remedy = (
        "Somebody added credits in Lago, or took some away. If Lago has only just made it, wait a moment."
    )
    expected = f"{_amount(OPENING_BALANCE.of(wanted))} put in"
    return Divergence("other_amount", expected, f"{_amount(wallet.put_in)} put in", remedy)


def credits_spent(wallet: Wallet) -> str:
    return f"credits spent in Lago: {_amount(wallet.consumed)} {wallet.currency or ''}".strip()


def _credits(wallet: Wallet) -> str:
    return (
        f"{_amount(wallet.put_in)} credits of {_amount(wallet.rate_amount)} {wallet.currency or ''}".strip()
    )


def _amount(number: Decimal) -> str:
    """Write a number of credits: at least two places, and no zeros beyond."""
    return f"{number:,.2f}" if number == round(number, 2) else f"{number.normalize():,f}"


# --- Coupons ---------------------------------------------------------------------------------------------


def coupon_not_found(wanted: Wanted) -> Problem:
    told = f"Lago has no coupon with the code {COUPON.of(wanted)}."
    return Problem("coupon_not_found", "coupon", told, "Capitals count. Create it in Lago if it is missing.")


def coupon_ended(coupon: Coupon) -> Problem:
    told = f"The coupon {coupon.code} has ended in Lago, which gives it to nobody any more."
    return Problem("coupon_ended", "coupon", told, "Take another one, or leave the cell empty.")


def coupon_other_currency(coupon: Coupon, plan: Plan) -> Problem:
    given, billed = coupon.discount.amount_currency, plan.amount_currency
    told = f"The coupon {coupon.code} is in {given}, the plan in {billed}."
    return Problem("coupon_other_currency", "coupon", told, "Take a coupon in the plan's currency.")


def coupon_used(wanted: Wanted) -> Problem:
    told = (
        f"The Lago customer {wanted.external_id} had the coupon {COUPON.of(wanted)} already, and it is over."
    )
    return Problem("lago_coupon_used", "coupon", told, "It is not given again: leave the cell empty.")


def coupon_overlaps(wanted: Wanted, other: Coupon) -> Problem:
    told = (
        f"The Lago customer {wanted.external_id} has the coupon {other.code}, "
        f"which is limited to the same as {COUPON.of(wanted)}: Lago takes only one of them."
    )
    return Problem("lago_coupon_conflict", "coupon", told, SETTLED)


def coupon_exists(wanted: Wanted) -> Problem:
    told = f"The Lago customer {wanted.external_id} has the coupon {COUPON.of(wanted)} already."
    return Problem("lago_coupon_exists", "coupon", told, ADOPT)


def coupon_differs(wanted: Wanted, applied: AppliedCoupon) -> Problem:
    told = (
        f"The Lago customer {wanted.external_id} has the coupon {applied.coupon_code} on other terms "
        "than the coupon itself has. It is left as it is."
    )
    return Problem("lago_coupon_differs", "coupon", told, "Give it anew in Lago if that is not meant.")


def coupon_effect(coupon: Coupon, plan_code: str) -> Iterator[Problem]:
    """Warn of a coupon that does not simply take something off each bill for ever."""
    if sentences := list(_limits(coupon, plan_code)):
        told = f"The coupon {coupon.code} {'; it '.join(sentences)}."
        yield Problem("coupon_limited", "coupon", told, "Check that this is meant.")


def _limits(coupon: Coupon, plan_code: str) -> Iterator[str]:
    discount = coupon.discount
    if discount.frequency == "once":
        what = "one bill" if discount.amount_cents is None else "bills until its amount is used up"
        yield f"is taken off {what}"
    if discount.frequency == "recurring":
        yield f"is taken off {discount.frequency_duration or '?'} billing periods"
    if coupon.plan_codes:
        yield f"is limited to the plans {', '.join(coupon.plan_codes)}"
        if plan_code not in coupon.plan_codes:
            yield "takes nothing off this row's plan"
    if coupon.metric_codes:
        yield f"is limited to usage of {', '.join(coupon.metric_codes)}"
    if coupon.expires_at:
        yield f"ends on {coupon.expires_at.date()}"


def coupon_missing() -> Divergence:
    remedy = "Run the same file again with --skip-existing: it is applied again."
    return Divergence("missing", "the coupon", "none", remedy)


def coupon_taken_away() -> Divergence:
    remedy = (
        "Somebody took it from the customer in Lago, or deleted the coupon. Bills are higher from now on."
    )
    return Divergence("terminated", "the coupon", "ended", remedy)


def coupon_twice() -> Divergence:
    remedy = "It is taken off twice: remove one of them in Lago."
    return Divergence("more_than_one", "the coupon once", "twice or more", remedy)


def discount_of(coupon: Coupon) -> str:
    """Say what a coupon takes off: "100 %"."""
    discount = coupon.discount
    if discount.percentage_rate is not None:
        return f"{discount.percentage_rate.normalize():f} %"
    return written(discount.amount_cents or 0, discount.amount_currency)

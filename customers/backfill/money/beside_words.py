"""What terminal and console say of the old provider's bills beside Lago's, in the same words."""

from collections.abc import Iterator

from customers.backfill.money.billed_before import Sums
from customers.backfill.money.differences import Total
from customers.backfill.money.words import about_days, by_currency, change, money
from kernel.wording import counted


def billed_sentences(sums: Sums) -> Iterator[str]:
    """Say which days are billed twice or by nobody, and what was moved for it."""
    if sums.moved:
        who = "1 subscription starts" if sums.moved == 1 else f"{sums.moved:,} subscriptions start"
        yield f"{who} on the day after the old provider's last bill instead of the file's date."
    yield f"Old provider and Lago: {twice(sums)}; {by_nobody(sums)}."
    if sums.untold:
        who = counted(sums.untold, "customer")
        yield f"For {who} it cannot be told whether days are billed twice; no money is counted for them."


def twice(sums: Sums) -> str:
    if not sums.overlap_days:
        return "no day twice"
    who = counted(sums.overlap_customers, "customer")
    return f"{about_days(sums.overlap_days)} twice, {by_currency(sums.overlap_cents)} ({who})"


def by_nobody(sums: Sums) -> str:
    if not sums.gap_days:
        return "no day that nobody bills"
    who = counted(sums.gap_customers, "customer")
    return f"{about_days(sums.gap_days)} that nobody bills, about {by_currency(sums.gap_cents)} ({who})"


def difference_sentence(total: Total) -> str:
    """Say what all customers of a currency pay now and will pay for a period."""
    return (
        f"In all, {counted(total.customers, 'customer')}: {money(total.old_cents, total.currency)} until now,"
        f" {money(total.new_cents, total.currency)} in Lago, {change(total.cents, total.currency)};"
        f" {total.more:,} pay more, {total.less:,} less."
    )

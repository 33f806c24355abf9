"""What an import makes Lago invoice, in lines for people."""

from collections.abc import Iterator, Sequence

from rich.text import Text

from customers.backfill.engine.acceptance import OPTION
from customers.backfill.engine.report import Report
from customers.backfill.money.invoices import NET, Dated
from customers.backfill.money.words import at_once_sentence, money, past_sentence, sum_of
from customers.terminal.output import counted

DAYS_SHOWN = 6


def money_lines(report: Report) -> Iterator[Text]:
    """Say what is invoiced when; in red what comes at once, and what is for days that are over."""
    plan, invoices = report.plan, report.invoices
    if invoices.first:
        yield Text(f"First invoices: {_by_date(invoices.first)}")
    if invoices.untold:
        yield Text(f"For {counted(invoices.untold, 'customer')} the first invoice cannot be told.", "yellow")
    if invoices.at_once:
        yield Text(at_once_sentence(invoices.today, invoices.at_once), "red bold")
    if plan.past:
        way = f"accept it: {OPTION}={plan.past.day}"
        yield Text(past_sentence(plan.past, accepted=plan.accepted is not None, way=way), "red bold")
    if invoices.first or plan.past:
        yield Text(NET, "dim")


def _by_date(invoices: Sequence[Dated]) -> str:
    shown = [
        f"{one.date} {money(one.amount_cents, one.currency)} ({one.customers:,})"
        for one in invoices[:DAYS_SHOWN]
    ]
    if rest := invoices[DAYS_SHOWN:]:
        shown.append(f"later {sum_of(rest)} ({sum(one.customers for one in rest):,})")
    return " · ".join(shown)

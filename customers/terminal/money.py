"""What an import makes Lago invoice, in lines for people."""

from collections.abc import Iterator, Sequence

from rich.table import Table
from rich.text import Text

from customers.backfill.engine.acceptance import OPTION
from customers.backfill.engine.report import Report
from customers.backfill.money.beside_words import billed_sentences, by_nobody, difference_sentence, twice
from customers.backfill.money.differences import Differences
from customers.backfill.money.invoices import NET, Dated
from customers.backfill.money.words import at_once_sentence, change, money, past_sentence, sum_of
from customers.terminal.output import plain_table
from kernel.wording import counted

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


def beside_lines(report: Report) -> Iterator[Text]:
    """Say which days the old provider and Lago both bill, or neither; by plan where there are several."""
    if report.before is None:
        return
    sums = report.before.in_all
    for sentence in billed_sentences(sums):
        yield Text(sentence, "yellow" if sums.overlap_days or sums.gap_days or sums.untold else "")
    for code, some in sorted(report.before.by_plan.items()) if len(report.before.by_plan) > 1 else ():
        yield Text(f"  {code}: {twice(some)}; {by_nobody(some)}")


def open_usage_lines(report: Report) -> Iterator[Text]:
    """Say what is charged and not billed yet."""
    if found := report.open_usage:
        yield Text(found.sentence, "yellow" if found.cards else "")


def difference_table(found: Differences) -> Table:
    """List whose bill changes most, per period."""
    table = plain_table("line:", "external_id", "plan", "until now:", "in Lago:", "difference:")
    table.title, table.title_justify = "Old bill beside new, per period: the largest differences", "left"
    for one in found.largest:
        table.add_row(
            str(one.line),
            one.external_id,
            one.plan_code,
            money(one.old_cents, one.currency),
            money(one.new_cents, one.currency),
            change(one.cents, one.currency),
        )
    return table


def difference_lines(found: Differences) -> Iterator[str]:
    yield from (difference_sentence(total) for total in found.totals)
    if found.untold:
        yield f"For {counted(found.untold, 'customer')} Lago's amount per period cannot be told."


def _by_date(invoices: Sequence[Dated]) -> str:
    shown = [
        f"{one.date} {money(one.amount_cents, one.currency)} ({one.customers:,})"
        for one in invoices[:DAYS_SHOWN]
    ]
    if rest := invoices[DAYS_SHOWN:]:
        shown.append(f"later {sum_of(rest)} ({sum(one.customers for one in rest):,})")
    return " · ".join(shown)

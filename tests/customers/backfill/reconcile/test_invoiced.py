"""What Lago has invoiced since a run: reconcile and verify say it, and call it no divergence."""

from datetime import date, timedelta

import pytest
from django.utils import timezone

from customers.backfill.money.invoiced import NOTHING, InvoicedSince
from kernel import Invoiced
from rehearsal.lago import Sandbox
from tests.customers.factories import imported, lago_customer, lago_subscription, row, rows
from tests.customers.undoing import called, latest_run, reconciled

pytestmark = pytest.mark.django_db


def a_month_later(lago: Sandbox) -> tuple[date, date]:
    """Let Lago bill the month of the import; give its first and last day."""
    first = timezone.now().date().replace(day=1)
    following = (first + timedelta(days=32)).replace(day=1)
    lago.set_clock(f"{following}T01:00:00Z")
    return first, following - timedelta(days=1)


def test_before_the_first_invoice_nothing_is_said(lago: Sandbox) -> None:
    imported(rows(2))

    assert reconciled().invoiced == NOTHING
    assert "invoice" not in called("backfill_reconcile", "--run-id", latest_run().run_id).out


def test_invoices_are_counted_summed_and_named_by_period(lago: Sandbox) -> None:
    imported([*rows(2), row(2, id_tag="TAG22")])
    first, last = a_month_later(lago)

    result = reconciled()

    told = result.invoiced
    assert result.is_well
    assert (told.number, told.customers, told.sums) == (2, 2, {"EUR": 2000})
    assert told.as_json()["periods"] == [
        {
            "from": first.isoformat(),
            "to": last.isoformat(),
            "invoices": 2,
            "amount_cents": 2000,
            "currency": "EUR",
        }
    ]
    assert told.sentence == (
        "Lago has invoiced since the run: 2 invoices to 2 customers, 20.00 EUR net, "
        f"for {first} to {last} (2)."
    )


def test_what_others_were_invoiced_is_not_counted(lago: Sandbox) -> None:
    imported(rows(1))
    lago_customer(lago, 7)
    lago_subscription(lago, 7)
    a_month_later(lago)

    assert len(lago.journal()["invoices"]) == 2
    assert reconciled().invoiced.customers == 1


def test_go_names_the_invoices(lago: Sandbox) -> None:
    imported(rows(3))
    a_month_later(lago)

    answer = called("backfill_verify", "--run-id", latest_run().run_id)

    verdict = answer.out[answer.out.index("GO") :]
    assert answer.code == 0
    assert "3 invoices to 3 customers, 30.00 EUR net" in " ".join(verdict.split())


def test_many_periods_are_counted_and_the_most_frequent_are_named() -> None:
    days = [date(2027, month, 1) for month in range(1, 9)]
    one_each = [Invoiced(f"C-{day.month}", 100, "EUR", day, day) for day in days]

    told = InvoicedSince.of([*one_each, Invoiced("C-1", 100, "USD", days[7], days[7])])

    assert told.sentence == (
        "Lago has invoiced since the run: 9 invoices to 8 customers, 8.00 EUR and 1.00 USD net, "
        "for 2027-08-01 to 2027-08-01 (2), 2027-01-01 to 2027-01-01 (1), 2027-02-01 to 2027-02-01 (1), "
        "2027-03-01 to 2027-03-01 (1) and 4 other periods."
    )
    assert len(told.as_json()["periods"]) == 9

"""What is said of runs afterwards: in which order, and how to go on with one."""

import pytest

from customers.backfill.ledger.runs import describe, list_runs
from customers.models import BackfillRun
from rehearsal.lago import Sandbox
from tests.customers.factories import imported, row, rows

pytestmark = pytest.mark.django_db


def test_runs_are_listed_newest_first(lago: Sandbox) -> None:
    for number in (1, 2, 3):
        imported([row(number)])

    listed = [line.run.pk for line in list_runs()]

    assert listed == sorted(listed, reverse=True)
    assert len(listed) == 3


def test_the_command_that_goes_on_has_the_options_that_decide_what_it_makes(lago: Sandbox) -> None:
    given = [row(1), row(2, plan_code="gone")]
    imported(given, skip_existing=True, allow_partial=True, billing_time="anniversary")
    run = BackfillRun.objects.get()
    run.options |= {"date_format": "%d. %m. %Y"}

    shown = describe(run).next[0]

    assert shown == (
        "backfill_customers --input customers.csv --skip-existing --allow-partial"
        " --date-format '%d. %m. %Y' --billing-time anniversary"
    )


def test_the_command_that_goes_on_accepts_again_what_was_accepted(lago: Sandbox) -> None:
    imported([row(1), row(2, plan_code="gone")], allow_partial=True, accept_invoices_today="these")

    shown = describe(BackfillRun.objects.get()).next[0]

    assert shown == "backfill_customers --input customers.csv --allow-partial --accept-invoices-today"


def test_the_command_that_goes_on_is_short_where_nothing_was_chosen(lago: Sandbox) -> None:
    lago.fault("500,method=POST,times=forever")
    imported(rows(1))

    assert describe(BackfillRun.objects.get()).next[0] == "backfill_customers --input customers.csv"

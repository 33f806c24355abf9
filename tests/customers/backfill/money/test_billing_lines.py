"""What an import will cost the customers, per plan."""

from datetime import date

import pytest
from django.utils import timezone

from customers.backfill.engine.report import Report
from rehearsal.lago import Sandbox
from tests.customers.factories import imported, lago_customer, lago_subscription, planned, row, rows

pytestmark = pytest.mark.django_db

FUTURE = "2090-01-01"


def lines(report: Report) -> list[tuple[str, int, int | None]]:
    return [(line.plan_code, line.rows, line.sum_cents) for line in report.billing]


def test_new_subscriptions_are_counted_and_summed_per_plan(lago: Sandbox) -> None:
    given = [row(1), row(2, plan_code="fleet"), row(3)]

    assert lines(planned(given)) == [("fleet", 1, 5000), ("standard", 2, 2000)]


def test_a_line_says_what_the_plan_is(lago: Sandbox) -> None:
    lago.put_plans("flat:129000:SEK:yearly:advance")

    (line,) = planned(rows(1, plan_code="flat")).billing

    assert (line.interval, line.amount_cents, line.currency) == ("yearly", 129000, "SEK")
    assert line.pay_in_advance


def test_starts_are_told_apart_by_what_lago_does_about_them(lago: Sandbox) -> None:
    today = timezone.now().date().isoformat()
    given = [row(1), row(2, start_date=today), row(3, start_date=FUTURE), row(4, start_date=FUTURE)]

    (line,) = planned(given).billing

    assert (line.starts_in_past, line.starts_today, line.starts_in_future) == (1, 1, 2)


def test_today_is_a_day_where_lago_bills(lago: Sandbox) -> None:
    lago.set_organization(billing_entity_timezone="Pacific/Kiritimati")  # 14 hours ahead
    given = [row(number, start_date=day) for number, day in enumerate(three_days(), start=1)]

    (line,) = planned(given).billing

    assert line.starts_today == 1


def three_days() -> list[str]:
    ordinal = timezone.now().date().toordinal()
    return [date.fromordinal(ordinal + offset).isoformat() for offset in (-1, 0, 1)]


def test_several_cards_are_billed_once(lago: Sandbox) -> None:
    assert lines(planned([row(), row(id_tag="CARD2")])) == [("standard", 1, 1000)]


def test_only_what_will_be_made_is_counted(lago: Sandbox) -> None:
    lago_customer(lago, 2)
    lago_subscription(lago, 2)

    report = planned([row(1), row(2), row(3, start_date="soon")], skip_existing=True)

    assert lines(report) == [("standard", 1, 1000)]


def test_a_finished_file_costs_nothing_more(lago: Sandbox) -> None:
    imported(rows(2))

    assert planned(rows(2), skip_existing=True).billing == []

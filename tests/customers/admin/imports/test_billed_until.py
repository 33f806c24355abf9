"""The console beside the old provider: days billed twice, a start on the day after, old bills and new."""

import pytest
from django.test import Client

from customers import jobs
from customers.models import BackfillRow
from rehearsal.lago import Sandbox
from tests.customers.admin.world import (
    client_of,
    csv_file,
    member_of_staff,
    preview_of,
    preview_url,
    queued,
    run_url,
    upload,
    words_of,
)  # fmt: skip
from tests.customers.factories import row

pytestmark = pytest.mark.django_db

UNTIL = {"billed_until": "2027-03-12"}


@pytest.fixture
def client(lago: Sandbox) -> Client:
    lago.put_plans("month:3100", "ahead:3000:EUR:monthly:advance")
    lago.set_clock("2027-03-20T09:00:00Z")
    return client_of(member_of_staff("run_backfill", "view_backfillrun"))


def test_the_preview_says_days_and_money_in_all_and_by_plan(client: Client) -> None:
    given = [row(1, plan_code="month"), row(2, plan_code="ahead")]

    words = words_of(client.get(preview_url(preview_of(client, csv_file(given), **UNTIL))))

    assert "Old provider and Lago: 12 days twice, 12.00 EUR (1 customer); 19 days that nobody bills" in words
    assert "31.00 EUR 12 days twice, 12.00 EUR (1 customer) no day that nobody bills" in words
    assert "billed until 2027-03-12" in words
    assert "billed_twice" in words


def test_a_start_on_the_day_after_is_shown_and_made(client: Client, lago: Sandbox) -> None:
    preview = preview_of(client, csv_file([row(plan_code="month")]), **UNTIL, start_after_billed="on")

    words = words_of(client.get(preview_url(preview)))

    assert "1 subscription starts on the day after the old provider's last bill" in words
    assert "C-1 month 2024-01-01, starts 2027-03-13" in words
    assert "start on the day after what is billed" in words
    run = queued(client, csv_file([row(2, plan_code="month")]), **UNTIL, start_after_billed="on")
    assert jobs.import_run(run.pk) == "done"
    assert [one["subscription_at"] for one in lago.state()["subscriptions"]] == ["2027-03-13T00:00:00Z"]
    assert str(BackfillRow.objects.get().start_date) == "2024-01-01"
    words = words_of(client.get(run_url(run)))
    assert "C-2 month 2024-01-01, starts 2027-03-13" in words
    assert "1 customer, from 2027-03-13 to 2027-03-13" in words


def test_the_option_without_a_day_is_refused_on_the_page(client: Client) -> None:
    answer = upload(client, csv_file([row(plan_code="month")]), start_after_billed="on")

    assert "no row says it" in words_of(answer)


def test_a_day_that_is_none_is_refused_on_the_page(client: Client) -> None:
    answer = upload(client, csv_file([row(plan_code="month")]), billed_until="12.03.2027")

    assert "Enter a valid date" in words_of(answer)


def test_old_bills_stand_beside_new_ones(client: Client) -> None:
    given = [row(1, plan_code="month", old_amount="25.50"), row(2, plan_code="month", old_amount="35")]

    words = words_of(client.get(preview_url(preview_of(client, csv_file(given)))))

    assert "2 C-1 month 25.50 EUR 31.00 EUR +5.50 EUR" in words
    assert "In all, 2 customers: 60.50 EUR until now, 62.00 EUR in Lago, +1.50 EUR" in words
    assert "C-2 month 2024-01-01 2027-04-01, 31.00 EUR -4.00 EUR create" in words


def test_a_file_that_says_nothing_of_it_shows_nothing_of_it(client: Client) -> None:
    words = words_of(client.get(preview_url(preview_of(client, csv_file([row(plan_code="month")])))))

    assert "Old provider" not in words
    assert "Old bill" not in words
    assert "difference" not in words

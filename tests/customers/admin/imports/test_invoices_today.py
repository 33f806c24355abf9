"""The console on the first day of a period: what the preview names, the tick, and being asked again."""

import pytest
from django.test import Client

from customers import jobs
from customers.models import BackfillRun
from rehearsal.lago import Sandbox
from tests.customers.admin.world import (
    client_of,
    csv_file,
    customers_csv,
    member_of_staff,
    preview_of,
    preview_url,
    queued,
    run_url,
    words_of,
)  # fmt: skip
from tests.customers.factories import row

pytestmark = pytest.mark.django_db

FIRST = "2027-03-01T09:00:00Z"
TICK = {"accept_invoices_today": "on"}


@pytest.fixture
def client(lago: Sandbox) -> Client:
    return client_of(member_of_staff("run_backfill", "view_backfillrun"))


def invoices(lago: Sandbox) -> int:
    return len(lago.journal()["invoices"])


def test_the_preview_names_whom_it_concerns_and_imports_nothing(client: Client, lago: Sandbox) -> None:
    lago.set_clock(FIRST)

    words = words_of(client.get(preview_url(preview_of(client, customers_csv(3)))))

    assert (
        "Lago would invoice 3 customers today, 2027-03-01: 30.00 EUR. From 2027-03-02 on it would not"
        in words
    )
    assert "choose “Accept invoices for days that are over” under Options" in words
    assert "invoiced_today" in words
    assert "Import 3 rows" not in words


def test_a_first_invoice_is_shown_with_each_row(client: Client, lago: Sandbox) -> None:
    lago.set_clock("2027-03-10T09:00:00Z")
    given = [row(1), row(1, id_tag="CARD2"), row(2, plan_code="fleet", start_date="2027-03-10")]

    words = words_of(client.get(preview_url(preview_of(client, csv_file(given)))))

    assert "C-1 standard 2024-01-01 2027-04-01, 10.00 EUR create" in words
    assert "C-1 standard 2024-01-01 — create" in words
    assert "C-2 fleet 2027-03-10 2027-04-01, 35.48 EUR create" in words  # 22 of 31 days
    assert "Amounts are net" in words


def test_the_tick_accepts_what_the_preview_names_and_the_run_is_held_to_it(
    client: Client, lago: Sandbox
) -> None:
    lago.set_clock(FIRST)
    upload = preview_of(client, customers_csv(2), **TICK)
    assert "This is accepted for 2027-03-01" in words_of(client.get(preview_url(upload)))
    upload.delete()

    run = queued(client, customers_csv(2), **TICK)

    assert jobs.import_run(run.pk) == "done"
    run.refresh_from_db()
    assert run.status == "succeeded"
    assert run.options["accepted"] == {"day": "2027-03-01", "customers": 2, "amount_cents": {"EUR": 2000}}
    lago.set_clock("2027-03-01T10:30:00Z")
    assert invoices(lago) == 2


def test_what_was_confirmed_the_day_before_is_not_accepted_on_the_first(
    client: Client, lago: Sandbox
) -> None:
    lago.set_clock("2027-02-28T23:00:00Z")
    run = queued(client, customers_csv(2), **TICK)
    lago.set_clock(FIRST)

    assert jobs.import_run(run.pk) == "refused"

    run.refresh_from_db()
    assert run.status == "failed"
    assert "invoiced_today" in run.reason
    lago.set_clock("2027-03-01T12:00:00Z")
    assert invoices(lago) == 0


def test_more_than_was_confirmed_is_not_accepted(client: Client, lago: Sandbox) -> None:
    lago.set_clock(FIRST)
    run = queued(client, customers_csv(2), **TICK)
    lago.put_plans("standard:1001")

    assert jobs.import_run(run.pk) == "refused"


def test_a_price_that_is_another_than_the_preview_said_is_not_billed(client: Client, lago: Sandbox) -> None:
    run = queued(client, customers_csv(2))
    lago.put_plans("standard:9900")

    assert jobs.import_run(run.pk) == "refused"

    run.refresh_from_db()
    assert "The plan standard costs something else now than the preview said: " in run.reason
    assert "10.00 EUR monthly → 99.00 EUR monthly (lines 2–3). Preview the file again." in run.reason
    assert lago.state(live=True)["subscriptions"] == []


def refused_on_the_first(client: Client, lago: Sandbox) -> BackfillRun:
    lago.set_clock("2027-02-28T23:00:00Z")
    run = queued(client, customers_csv(2), **TICK)
    lago.set_clock(FIRST)
    jobs.import_run(run.pk)
    run.refresh_from_db()
    return run


def test_continue_asks_again_by_the_same_code(client: Client, lago: Sandbox) -> None:
    run = refused_on_the_first(client, lago)

    client.post(run_url(run, "continue"))
    ended = jobs.import_run(run.pk)

    run.refresh_from_db()
    assert (ended, run.status) == ("refused", "failed")
    assert "invoiced_today" in run.reason


def test_a_new_preview_with_the_tick_goes_on_with_the_same_run(client: Client, lago: Sandbox) -> None:
    run = refused_on_the_first(client, lago)

    again = queued(client, customers_csv(2), **TICK)

    assert again.pk == run.pk
    assert jobs.import_run(run.pk) == "done"
    lago.set_clock("2027-03-01T12:00:00Z")
    assert invoices(lago) == 2

"""The money of a preview: per month, by plan, when customers start, first invoices, and what comes today."""

import json
import zlib

import pytest

from customers.admin.imports.money import money_context
from customers.backfill import stored_preview
from rehearsal.lago import Sandbox
from tests.customers.admin.world import (
    client_of,
    csv_file,
    member_of_staff,
    preview_of,
    preview_url,
    text_of,
    words_of,
)
from tests.customers.factories import lago_customer, lago_subscription, row

ODD = 'a"<b>&'
GIVEN = [
    row(1, plan_code="month"),
    row(1, plan_code="month", id_tag="SECOND"),
    row(2, plan_code="month", start_date="2090-05-01"),
    row(3, plan_code="year"),
    row(4, plan_code="yen", start_date="2026-11-25"),
    row(5, plan_code=ODD),
    row(6),
]


@pytest.mark.django_db
def test_the_page_shows_the_money_of_what_is_new_and_no_more(lago: Sandbox) -> None:
    lago.put_plans(
        "month:3000", "year:12000:EUR:yearly", "yen:980:JPY:monthly:advance", {"code": ODD, "amount_cents": 0}
    )
    lago.set_clock("2026-11-25T09:00:00Z")
    lago_customer(lago, 6)
    lago_subscription(lago, 6)
    client = client_of(member_of_staff("run_backfill"))
    preview = preview_of(client, csv_file(GIVEN), skip_existing="on")

    answer = client.get(preview_url(preview))

    words, page = words_of(answer), text_of(answer)
    assert "70.00 EUR per month, from 4 new customers" in words
    assert "980 JPY per month, from 1 new customer" in words
    assert "month 60.00 EUR 2 30.00 EUR monthly" in words
    assert "year 10.00 EUR 1 120.00 EUR yearly" in words
    assert "Counted per month: a year ÷ 12." in words
    assert "5 customers, from 2024-01-01 to 2090-05-01; 1 today; 1 later." in words
    assert "month 2 2026-12-01 and 1 more day 2026-11-01 to 2026-11-30 and 1 more period 60.00 EUR" in words
    assert "196 JPY invoiced today, 2026-11-25 (1 invoice)" in words
    assert "<b>&" not in page
    preview.preview = _as_before(bytes(preview.preview))
    preview.save()
    words = words_of(client.get(preview_url(preview)))
    assert "per month, from" not in words
    assert "When the new customers start" not in words
    assert "2026-12-01 and 1 more day 60.00 EUR" in words  # by plan, as it was


def test_of_many_plans_the_largest_are_drawn_and_the_others_added_up() -> None:
    known = {"rows": 1, "interval": "monthly", "currency": "EUR"}
    billing = [known | {"plan_code": f"plan-{one}", "whole_cents": one * 100} for one in range(1, 501)]

    (found,) = money_context({"billing": billing})["monthly"]

    assert [found.lines[place].plan for place in (0, 9, 10)] == ["plan-500", "plan-491", "490 other plans"]
    assert (found.lines[10].customers, found.lines[10].per_month) == (490, "120,295.00 EUR")
    assert len(found.lines) == 11


def test_a_preview_of_nothing_new_has_no_money() -> None:
    told = {"today": "2026-11-25", "at_once": [], "untold": 0}

    found = money_context({"billing": [], "invoices": told, "starts": {}, "first_invoices": []})

    assert not any(found.values())


def _as_before(packed: bytes) -> bytes:
    """Take from a preview what an older version did not keep."""
    kept = stored_preview.unpacked(packed)
    whole = {**kept.head, "rows": list(kept.rows)}
    for line in whole["billing"]:
        del line["whole_cents"]
    del whole["starts"], whole["first_invoices"]
    return zlib.compress(json.dumps(whole).encode())

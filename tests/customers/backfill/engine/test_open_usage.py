"""What is charged before the change and not billed yet: added up and shown, and never sent."""

import csv
import io
from collections.abc import Callable
from pathlib import Path

import pytest
from django.test import Client

from rehearsal.lago import Sandbox
from tests.customers.admin.world import (
    client_of,
    csv_file,
    member_of_staff,
    preview_of,
    preview_url,
    words_of,
)
from tests.customers.commands import as_json, command
from tests.customers.factories import imported, row
from tests.customers.undoing import called, latest_run

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("lago")]

GIVEN = [
    row(1, open_usage_kwh="12.5"),
    row(1, id_tag="SECOND", open_usage_kwh="0.1"),
    row(2, open_usage_kwh="0.2", plan_code="fleet"),
    row(3, open_usage_kwh=""),
    row(4, open_usage_kwh="7", plan_code="not_there"),
]


def test_each_card_has_its_own_and_rows_to_be_imported_are_added_up(file: Callable[..., Path]) -> None:
    answer = as_json(file(*GIVEN), "--dry-run", "--allow-partial")

    assert answer.json["open_usage"] == {
        "kwh": "12.8", "customers": 2, "cards": 3, "by_plan": {"fleet": "0.2", "standard": "12.6"},
    }  # fmt: skip
    shown = [answer.rows[line]["open_usage_kwh"] for line in (2, 3, 4, 5, 6)]
    assert shown == ["12.5", "0.1", "0.2", None, "7"]


def test_the_terminal_says_it_beside_the_first_invoices(file: Callable[..., Path]) -> None:
    answer = command(file(*GIVEN[:4]), "--dry-run")

    lines = [" ".join(line.split()) for line in answer.out.splitlines()]
    assert any(line.endswith("12.6 kWh") and line.startswith("standard") for line in lines)
    (said,) = [line for line in lines if line.startswith("Charged before")]
    assert said.startswith(
        "Charged before and not billed yet: 12.8 kWh (2 customers, 3 cards). Lago is not told"
    )


def test_the_page_shows_it_in_the_row_and_in_all() -> None:
    client: Client = client_of(member_of_staff("run_backfill", "view_backfillrun"))

    words = words_of(client.get(preview_url(preview_of(client, csv_file(GIVEN[:4])))))

    assert "Charged before and not billed yet: 12.8 kWh (2 customers, 3 cards)" in words
    assert "first invoice open what" in words
    assert "12.5 kWh create" in words
    assert "12.6 kWh" in words


def test_a_file_without_the_column_says_nothing_of_it(file: Callable[..., Path]) -> None:
    answer = as_json(file(row()), "--dry-run")

    assert "open_usage" not in answer.json
    assert "open_usage_kwh" not in answer.rows[2]


def test_no_event_is_sent_and_the_result_has_what_is_still_open(lago: Sandbox, tmp_path: Path) -> None:
    imported(GIVEN[:4])

    answer = called("backfill_runs", latest_run().run_id, "--results", str(tmp_path / "r.csv"))

    assert "Charged before and not billed yet: 12.8 kWh in all." in answer.err
    lines = [*csv.DictReader(io.StringIO((tmp_path / "r.csv").read_text("utf-8-sig")))]
    assert [line["open_usage_kwh"] for line in lines] == ["12.5", "0.1", "0.2", ""]
    assert lago.state()["events"] == []

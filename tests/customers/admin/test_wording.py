"""Hints name the controls of the console, not the options of a command."""

from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client

from customers.admin.wording import in_console
from rehearsal.lago import Sandbox
from tests.customers.admin.world import (
    client_of,
    csv_file,
    member_of_staff,
    preview_of,
    preview_url,
    upload,
    words_of,
)
from tests.customers.factories import row

RUN = "20261122-170501-7f3a"


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ("With --skip-existing it is adopted.", "With “Skip what exists” it is adopted."),
        ("or say it with --date-format.", "or say it with “Date format”."),
        ("begun with --date-format %d.%m.%Y.", "begun with “Date format: %d.%m.%Y”."),
        ("begun with no --skip-existing.", "begun with no “Skip what exists”."),
        (
            "--hidden-rows include or --hidden-rows leave-out; or",
            "“Hidden rows: import them” or “Hidden rows: leave them out”; or",
        ),
        ("often writes --encoding cp1252.", "often writes “Encoding: cp1252”."),
        ("wrote --encoding mac_roman, what", "wrote “Encoding: mac-roman”, what"),
        ("or use --billing-time calendar.", "or use “Billing periods follow: the calendar”."),
        (
            "Or accept it: --accept-invoices-today=2026-11-01.",
            "Or accept it: “Accept invoices for days that are over”.",
        ),
        ("Say it with --billed-until DAY, or", "Say it with “Billed until”, or"),
        (f"python manage.py backfill_revert --run-id {RUN}", f"“Revert…” on the page of run {RUN}"),
        ("See them: python manage.py backfill_runs", "See them: the page “Runs”"),
        (
            "Start it: python manage.py qcluster. Without it no mail goes out.",
            "Have whoever runs the server start it. Without it no mail goes out.",
        ),
        (
            "Run the same file again with --skip-existing: it is made again.",
            "Import the same file again with “Skip what exists”: it is made again.",
        ),
        ("within 300 s; look, or wait longer (--timeout)", "within 300 s; look, or wait longer"),
        ("a -- dash and --nothing-known", "a -- dash and --nothing-known"),
    ],
)  # fmt: skip
def test_a_hint_names_the_control(told: str, words: str) -> None:
    assert in_console(told) == words


@pytest.mark.django_db
def test_no_page_of_an_import_names_an_option(lago: Sandbox) -> None:
    client: Client = client_of(member_of_staff("run_backfill"))
    defects = (Path(settings.BASE_DIR) / "examples/customers-with-defects.csv").read_bytes()
    late = csv_file([row(1, start_date="31.12.2024")])

    urls = [preview_url(preview_of(client, given)) for given in (defects, late)]
    pages = [words_of(client.get(url, {"show": "all"})) for url in urls]
    unknown = upload(client, "name;e-mail\nJürgen;x".encode("cp1252"))  # whose columns are to be named
    columns = client.get(unknown["Location"]).context

    assert "say how it is written with “Date format”." in pages[1]
    assert not [text for text in (*pages, *columns["errors"], *columns["notes"]) if " --" in text]

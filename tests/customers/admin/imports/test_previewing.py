"""Upload and preview: what the page says is what the command says, and nothing is written."""

import json
import resource
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from charging import SteveClient
from customers.backfill import page_looks, stored_preview
from customers.models import BackfillUpload
from rehearsal.lago import Sandbox
from rehearsal.steve import SteveSandbox
from tests.customers import factories, operator_files
from tests.customers.admin.world import (
    client_of,
    csv_file,
    customers_csv,
    member_of_staff,
    preview_of,
    preview_page,
    preview_url,
    upload,
    words_of,
)
from tests.customers.factories import row, rows, unchanged

pytestmark = pytest.mark.django_db

EXAMPLES = Path(__file__).resolve().parents[4] / "examples"
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def client(lago: Sandbox) -> Client:
    return client_of(member_of_staff("run_backfill"))


@pytest.fixture
def said_by_the_command(lago: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    """Run the command's dry-run over the same bytes and give its document."""

    def run(data: bytes, *options: str) -> dict[str, Any]:
        path = tmp_path / "customers.csv"
        path.write_bytes(data)
        with suppress(SystemExit):
            call_command(
                "backfill_customers", "--input", str(path), "--dry-run", "--format", "json", *options
            )
        document: dict[str, Any] = json.loads(capsys.readouterr().out)
        return document

    return run


def stored(upload: BackfillUpload) -> stored_preview.Preview:
    upload.refresh_from_db()
    return stored_preview.unpack(upload)


# --- in time -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/plans", "/subscriptions"])
def test_a_page_ends_with_our_words_before_a_proxy_gives_it_up(
    client: Client, lago: Sandbox, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.setattr(page_looks, "WITHIN_S", 1.0)
    lago.fault(f"pause_before,method=GET,path={path}")
    began = time.monotonic()

    answer = upload(client, customers_csv(3))

    seconds = time.monotonic() - began
    lago.release()
    assert "longer than the 1 seconds that a page can wait" in words_of(answer)
    assert seconds < 10  # less than the 30 s of a single call, and its tries
    assert not BackfillUpload.objects.exclude(preview=None).exists()


# --- parity ------------------------------------------------------------------------------------------


def test_a_preview_writes_nothing_but_the_upload(client: Client, lago: Sandbox) -> None:
    is_unchanged = unchanged(lago)

    found = preview_of(client, customers_csv(3))

    found.delete()
    assert is_unchanged()
    assert all(call.startswith("GET ") for call in lago.counts())


@pytest.mark.parametrize("name", ["customers.csv", "customers-with-defects.csv"])
def test_preview_and_command_say_the_same_of_the_same_bytes(
    client: Client, said_by_the_command: Any, name: str
) -> None:
    data = (EXAMPLES / name).read_bytes()

    preview = stored(preview_of(client, data))

    told = said_by_the_command(data)
    assert [{key: row[key] for key in told["rows"][0]} for row in preview.rows] == told["rows"]
    assert preview.head["counts"] == told["counts"]
    assert preview.head["billing"] == told["billing"]


def test_options_mean_what_they_mean_to_the_command(client: Client, said_by_the_command: Any) -> None:
    factories.imported(rows(2))
    data = csv_file([*rows(2), row(3, start_date="31.01.2025")])

    preview = stored(preview_of(client, data, skip_existing="on", date_format="%d.%m.%Y"))

    told = said_by_the_command(data, "--skip-existing", "--date-format", "%d.%m.%Y")
    assert preview.head["counts"] == told["counts"]
    assert [row["action"] for row in preview.rows] == [row["action"] for row in told["rows"]]


def test_the_messy_file_has_the_expected_codes_on_the_page(client: Client, tmp_path: Path) -> None:
    path, expected = operator_files.messy(tmp_path)

    found = preview_of(client, path.read_bytes())

    page = client.get(reverse("admin:customers_backfillrun_preview", args=[found.pk]))
    shown = {row["line"]: [p["code"] for p in row["problems"]] for row in page.context["rows"]}
    assert {line: sorted(codes) for line, codes in shown.items()} == {
        line: sorted(codes) for line, codes in expected.items()
    }


# --- the page ----------------------------------------------------------------------------------------


def test_the_page_flags_what_bills_today_and_what_starts_later(
    client: Client, lago: Sandbox, time_machine: Any
) -> None:
    lago.put_plans("prepaid:900:EUR:monthly:advance")
    time_machine.move_to("2026-11-22T12:00:00Z", tick=True)
    given = [row(1, plan_code="prepaid", start_date="2026-11-22"), row(2, start_date="2027-01-01")]

    found = preview_of(client, csv_file(given))

    words = words_of(client.get(reverse("admin:customers_backfillrun_preview", args=[found.pk])))
    assert "Lago invoices at once: today, 2026-11-22, 2.70 EUR (1 invoice)." in words
    assert "C-1 prepaid 2026-11-22 2026-11-22, 2.70 EUR create" in words
    assert "1 on standard start in the future" in words


def test_the_page_adds_up_balances_and_coupons(client: Client, lago: Sandbox) -> None:
    lago.put_coupons("free:100%")
    given = [row(1, opening_balance="50", coupon=""), row(2, opening_balance="", coupon="free")]

    found = preview_of(client, csv_file(given))

    words = words_of(client.get(reverse("admin:customers_backfillrun_preview", args=[found.pk])))
    assert "1 new Lago wallet, 50.00 EUR in all" in words
    assert "1 new Lago coupon: free (100 %)" in words


def test_a_row_shows_its_language_and_the_page_what_we_do_not_have(client: Client) -> None:
    found = preview_of(client, csv_file([row(1, locale="DE-at"), row(2, locale="pl")]))

    page = preview_page(client, found, show="all")

    assert 'C-1 <span class="pb-dim" title="language">de</span>' in page
    assert 'C-2 <span class="pb-dim" title="language">pl</span>' in page
    assert "Our mails and pages do not have the language of 1 customer (pl 1)." in page


def test_the_page_shows_each_system_and_each_problem_with_its_hint(client: Client) -> None:
    found = preview_of(client, csv_file([row(1), row(2, plan_code="Standard")]))

    page = preview_page(client, found, show="all")

    assert "Lago subscription <b" in page
    assert "plan_not_found" in page
    assert "Did you mean “standard”?" in page


def test_the_page_opens_with_what_needs_attention(client: Client) -> None:
    found = preview_of(client, csv_file([row(1), row(2, plan_code="gold")]))

    page = client.get(reverse("admin:customers_backfillrun_preview", args=[found.pk]))

    assert [row["line"] for row in page.context["rows"]] == [3]


@pytest.mark.parametrize(
    ("query", "lines"),
    [
        ({"show": "create"}, [2, 3]),
        ({"show": "fail"}, [4]),
        ({"show": "skip"}, []),
        ({"show": "warnings"}, [3]),
        ({"show": "all"}, [2, 3, 4]),
        ({"show": "all", "q": "c-3"}, [4]),
        ({"show": "all", "q": "4"}, [4]),
        ({"show": "nonsense", "q": "C-1"}, []),
    ],
)
def test_rows_are_filtered_and_searched(client: Client, query: dict[str, str], lines: list[int]) -> None:
    found = preview_of(client, csv_file([row(1), row(2, id_tag="abcdef12"), row(3, plan_code="gold")]))

    page = client.get(reverse("admin:customers_backfillrun_preview", args=[found.pk]), query)

    assert [row["line"] for row in page.context["rows"]] == lines


def test_two_hundred_rows_are_shown_and_the_others_are_on_further_pages(client: Client) -> None:
    found = preview_of(client, customers_csv(203))
    url = reverse("admin:customers_backfillrun_preview", args=[found.pk])

    first, second, searched = client.get(url), client.get(url, {"page": "2"}), client.get(url, {"q": "C-203"})

    assert len(first.context["rows"]) == 200
    assert "Rows 1 to 200 of 203" in words_of(first)
    assert [row["line"] for row in second.context["rows"]] == [202, 203, 204]
    assert [row["external_id"] for row in searched.context["rows"]] == ["C-203"]


# --- what it alters, and how long it takes -----------------------------------------------------------


def test_each_id_tag_that_is_unblocked_can_be_seen_from_a_link_in_the_summary(
    client: Client, steve: SteveSandbox
) -> None:
    for number in (2, 3):
        steve.world.add_tag(f"TAG{number:04}", max_active_transaction_count=0)
    given = [*rows(3), row(4, start_date="2090-01-01")]

    found = preview_of(client, csv_file(given), skip_existing="on")

    link = "?show=warnings&amp;warning=steve_id_tag_unblocked#rows"
    page = preview_page(client, found)
    assert "SteVe blocks 2 idTags that the run unblocks" in page
    assert link in page
    listed = client.get(preview_url(found), {"show": "warnings", "warning": "steve_id_tag_unblocked"})
    assert [row["line"] for row in listed.context["rows"]] == [3, 4]
    assert "SteVe blocks the idTag TAG… (number 2); the run unblocks it." in words_of(listed)
    every = client.get(preview_url(found), {"show": "warnings"})
    assert [row["line"] for row in every.context["rows"]] == [3, 4, 5]


@pytest.mark.matrix
def test_ten_thousand_that_are_unblocked_are_pages_that_a_browser_can_show(
    client: Client, steve: SteveSandbox
) -> None:
    for number in range(1, 10_001):
        steve.world.add_tag(f"TAG{number:04}", max_active_transaction_count=0)
    found = preview_of(client, customers_csv(10_000), skip_existing="on")

    last = client.get(
        preview_url(found), {"show": "warnings", "warning": "steve_id_tag_unblocked", "page": "50"}
    )

    assert "SteVe blocks 10,000 idTags" in words_of(last)
    assert [row["line"] for row in last.context["rows"]] == list(range(9_802, 10_002))
    assert len(last.content) < 400_000


def test_a_kind_of_warning_that_is_none_filters_nothing(client: Client) -> None:
    found = preview_of(client, csv_file([row(1, start_date="2090-01-01")]))

    page = client.get(preview_url(found), {"show": "warnings", "warning": HOSTILE})

    assert (len(page.context["rows"]), HOSTILE in page.content.decode()) == (1, False)


def test_the_page_says_how_long_steve_will_take(
    client: Client, steve: SteveSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SteveClient, "call_s", property(lambda client: 400))

    found = preview_of(client, customers_csv(10))

    words = words_of(client.get(preview_url(found)))
    assert "SteVe: 10 new idTags, about 67 min at what a call takes there now." in words
    assert "Import in parts, the days before" in words


def test_html_in_a_file_is_shown_as_text(client: Client) -> None:
    given = [row(1, external_id=HOSTILE, display_name=HOSTILE, plan_code=HOSTILE), row(2, start_date=HOSTILE)]

    found = preview_of(client, csv_file(given), name=f"{HOSTILE}.csv".replace("/", "_"))

    page = preview_page(client, found, show="all")
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_the_page_shows_the_first_rows_as_they_were_read_and_keeps_none(client: Client) -> None:
    given = [row(1, display_name="Nemo \u200bNobody", city="Nowhere", card_name="Nautilus", country="")]
    found = preview_of(client, csv_file(given))

    page = client.get(reverse("admin:customers_backfillrun_preview", args=[found.pk])).content.decode()

    assert "Nemo &lt;U+200B&gt;Nobody" in page
    assert "city: Nowhere · card_name: Nautilus" in page
    assert "Of 1 new Lago customer the file gives city for 1." in page
    assert not any(value in str(stored(found)) for value in ("Nobody", "Nowhere", "Nautilus"))


def test_a_preview_holds_no_personal_data(client: Client) -> None:
    given = [row(1), row(2, email="not an address"), row(3, id_tag="SECRETIDTAG-999999999999")]

    found = stored(preview_of(client, csv_file(given)))

    whole = json.dumps([found.head, *found.rows])
    for secret in ("customer1@example.com", "Customer 1", "not an address", "TAG0001", "SECRETIDTAG-9"):
        assert secret not in whole


def test_ten_thousand_rows_are_previewed_with_few_queries_and_little_memory(
    client: Client, lago: Sandbox, django_assert_max_num_queries: Any
) -> None:
    data, before = customers_csv(10_000), peak_mb()

    with django_assert_max_num_queries(75):  # some for each two thousand, not one for each row or hundred
        page = preview_page(client, preview_of(client, data))

    assert lago.requests()["total"] < 10
    assert peak_mb() - before < 150
    assert len(page) < 300_000


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

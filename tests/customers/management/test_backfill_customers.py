"""`backfill_customers` as an operator calls it: exit codes, what is printed where, and what is then there."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from threading import Thread

import pytest
from django.core.management import call_command

from customers.models import BackfillRun, IdTagMapping, User
from rehearsal.lago import Sandbox
from tests.customers.commands import Answer, as_json, command
from tests.customers.factories import (
    Row,
    all_steps,
    csv_text,
    customer,
    lago_customer,
    row,
    rows,
    staff,
    table_counts,
    unchanged,
)

pytestmark = pytest.mark.django_db

Written = Callable[..., Path]


@pytest.fixture
def file(tmp_path: Path) -> Written:
    """Write rows, or a text, to a file."""

    def write(given: list[Row] | str, name: str = "customers.csv") -> Path:
        path = tmp_path / name
        path.write_bytes((given if isinstance(given, str) else csv_text(given)).encode())
        return path

    return write


# --- A small file ------------------------------------------------------------------------------------


def test_a_dry_run_says_what_would_happen_and_writes_nothing(lago: Sandbox, file: Written) -> None:
    same = unchanged(lago)

    answer = as_json(file(rows(3)), "--dry-run")

    assert answer.code == 0
    assert answer.json["status"] == "would_succeed"
    assert answer.json["counts"] == {"create": 3, "complete": 0, "skip": 0, "fail": 0}
    assert [one["steps"] for one in answer.rows.values()] == [all_steps("create")] * 3
    assert same()
    assert not list(Path(file("").parent / "logs").iterdir())


def test_an_import_does_what_the_dry_run_said(lago: Sandbox, file: Written) -> None:
    answer = as_json(file(rows(3)))

    assert answer.code == 0
    assert answer.json["counts"]["created"] == 3
    assert answer.json["run_id"] == BackfillRun.objects.get().run_id
    assert Path(answer.json["log"]).name == f"run-{answer.json['run_id'][:15]}.log"
    assert User.objects.count() == IdTagMapping.objects.filter(is_active=True).count() == 3
    assert len(lago.state()["subscriptions"]) == 3


def test_the_same_file_again_changes_nothing(lago: Sandbox, file: Written) -> None:
    command(file(rows(3)))
    people, in_lago = list(User.objects.values()), lago.state(volatile=True)

    again = as_json(file(rows(3)), "--skip-existing")
    without = as_json(file(rows(3)))

    assert (again.code, again.json["counts"]["skipped"]) == (0, 3)
    assert (without.code, without.json["status"]) == (1, "would_fail")
    assert (people, in_lago) == (list(User.objects.values()), lago.state(volatile=True))


def test_a_row_that_would_fail_keeps_every_row_out(lago: Sandbox, file: Written) -> None:
    same = unchanged(lago)

    answer = as_json(file([row(1), row(2, start_date="soon")]))

    assert (answer.code, answer.json["status"], answer.json["run_id"]) == (1, "would_fail", None)
    assert answer.codes == {3: ["start_date_invalid"]}
    assert same()


def test_with_allow_partial_the_good_rows_go_in(lago: Sandbox, file: Written) -> None:
    answer = as_json(file([row(1), row(2, start_date="soon")]), "--allow-partial")

    assert (answer.code, answer.json["status"]) == (1, "partial")
    assert User.objects.get().external_id == "C-1"


def test_every_code_of_what_exists_arrives_at_the_operator(lago: Sandbox, file: Written) -> None:
    staff("customer1@example.com")
    customer(2, external_id=None)
    lago_customer(lago, 3)
    lago_customer(lago, 4, currency="USD")

    answer = as_json(file(rows(4)), "--dry-run")

    assert answer.code == 1
    assert answer.codes == {
        2: ["email_belongs_to_staff"],
        3: ["email_exists"],
        4: ["lago_customer_exists"],
        5: ["lago_customer_currency_conflict"],
    }


def test_the_options_of_a_run_reach_it(lago: Sandbox, file: Written) -> None:
    text = csv_text([row(1, start_date="01.12.2023")]).replace(",", "|")

    answer = as_json(
        file(text), "--delimiter", "|", "--date-format", "%d.%m.%Y", "--billing-time", "anniversary",
        "--batch-size", "3", "--concurrency", "2", "--rate", "1000", "--max-failures", "4",
    )  # fmt: skip

    (subscription,) = lago.state()["subscriptions"]
    options = BackfillRun.objects.get().options
    assert answer.code == 0
    assert subscription["billing_time"] == "anniversary"
    assert subscription["subscription_at"] == "2023-12-01T00:00:00Z"
    assert (options["batch_size"], options["concurrency"], options["max_failures"]) == (3, 2, 4)


# --- What is printed where ---------------------------------------------------------------------------


def test_a_report_is_on_standard_output_and_the_target_on_standard_error(
    lago: Sandbox, file: Written
) -> None:
    answer = command(file([row(1), row(2, plan_code="gold")]), "--dry-run")

    assert "plan_not_found" in answer.out
    assert "1 create" in answer.out
    assert f"Sandbox Organization at {lago.url} (v1.51.0)" in answer.err or lago.url in answer.err
    assert answer.err.startswith("Database ")
    assert lago.key not in answer.out + answer.err


def test_a_report_adds_up_balances_and_coupons(lago: Sandbox, file: Written) -> None:
    lago.put_coupons("free:100%")
    given = file([row(1, opening_balance="1250.5", coupon=""), row(2, opening_balance="", coupon="free")])

    answer = command(given, "--dry-run")
    told = as_json(given, "--dry-run").json["totals"]

    assert "1 new Lago wallet, 1,250.50 EUR in all" in answer.out
    assert "1 new Lago coupon: free (100 %)" in answer.out
    assert [(one["step"], one["number"], one["amount_cents"]) for one in told] == [
        ("lago_coupon", 1, None), ("lago_wallet", 1, 125050),
    ]  # fmt: skip


def test_a_run_says_what_to_do_next(lago: Sandbox, file: Written) -> None:
    answer = command(file(rows(1)))

    run_id = BackfillRun.objects.get().run_id
    assert f"Run {run_id}: succeeded" in answer.err
    assert f"backfill_reconcile --run-id {run_id}" in answer.err
    assert f"backfill_revert --run-id {run_id} --dry-run" in answer.err


def test_json_is_the_only_thing_on_standard_output(lago: Sandbox, file: Written) -> None:
    for arguments in (["--dry-run"], [], ["--dry-run"]):
        answer = as_json(file(rows(2)), *arguments)

        assert answer.out.startswith("{")
        assert answer.out.endswith("}\n")
        json.loads(answer.out)


def test_a_run_without_a_terminal_tells_every_tenth(lago: Sandbox, file: Written) -> None:
    answer = command(file(rows(20)), "--batch-size", "1")

    told = [line for line in answer.err.splitlines() if line.startswith("Importing:")]
    assert len(told) == 10
    assert told[0].startswith("Importing: 2 of 20 (10 %), ")
    assert told[-1].startswith("Importing: 20 of 20 (100 %), ")


def test_the_share_that_is_told_is_the_one_that_is_done(lago: Sandbox, file: Written) -> None:
    answer = command(file(rows(20)), "--batch-size", "5")

    assert "Importing: 5 of 20 (25 %), " in answer.err


def test_a_quiet_run_tells_no_progress(lago: Sandbox, file: Written) -> None:
    assert "Importing:" not in command(file(rows(20)), "--verbosity", "0").err


# --- The rows that need attention --------------------------------------------------------------------


def test_corrected_rows_come_back_and_go_in(lago: Sandbox, file: Written, tmp_path: Path) -> None:
    errors = tmp_path / "errors.csv"
    given = [row(1), row(2, start_date="soon"), row(3, email="nobody")]
    first = as_json(file(given), "--allow-partial", "--errors", str(errors))
    corrected = errors.read_text().replace("soon", "2024-01-01").replace("nobody", "c3@example.com")

    second = as_json(file(corrected, "corrected.csv"))

    assert (first.code, second.code) == (1, 0)
    assert corrected.splitlines()[0].endswith("line,code,field,message,hint")
    assert second.json["counts"]["created"] == 2
    assert User.objects.count() == 3


def test_an_error_file_over_the_input_is_refused(lago: Sandbox, file: Written) -> None:
    path = file(rows(1))

    answer = command(path, "--errors", str(path))

    assert (answer.code, answer.err.count("\n")) == (2, 1)
    assert path.read_bytes() == csv_text(rows(1)).encode()


def test_an_error_file_that_cannot_be_written_does_not_hide_what_was_done(
    lago: Sandbox, file: Written, tmp_path: Path
) -> None:
    folder = tmp_path / "errors"
    folder.mkdir()
    lago.fault("pause_before,method=POST")
    meanwhile = Thread(target=lambda: (lago.wait_held(), folder.rmdir(), lago.release()))
    meanwhile.start()

    given = [row(1), row(2, start_date="soon")]
    answer = as_json(file(given), "--allow-partial", "--errors", str(folder / "errors.csv"))
    meanwhile.join()

    assert (answer.code, answer.json["status"], answer.json["counts"]["created"]) == (1, "partial", 1)
    assert "errors.csv: the error file cannot be written (No such file or directory)." in answer.err


# --- Several cards -----------------------------------------------------------------------------------


def test_fifty_customers_with_two_to_four_cards_each(lago: Sandbox, file: Written) -> None:
    given = [
        row(number, id_tag=f"C{number}X{card}") for number in range(1, 51) for card in range(2 + number % 3)
    ]

    answer = as_json(file(given))

    state = lago.state()
    assert answer.code == 0
    assert len(given) == IdTagMapping.objects.filter(is_active=True).count() == 151
    assert User.objects.count() == len(state["customers"]) == len(state["subscriptions"]) == 50
    assert lago.counts()["POST /customers"] == lago.counts()["POST /subscriptions"] == 50
    assert answer.json["billing"][0]["rows"] == 50


# --- What cannot start -------------------------------------------------------------------------------


def refused(answer: Answer, words: str) -> None:
    """One clear line on standard error, and exit 2."""
    *target, line = answer.err.splitlines()
    assert answer.code == 2
    assert words in line
    assert "Traceback" not in answer.err
    assert answer.out == ""
    assert target == []


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("missing.csv", None, "there is no such file"),
        ("empty.csv", "", "the file is empty"),
        ("customers.pdf", "x", "has to end in one of .csv"),
        ("header.csv", "email,display_name\n", "external_id"),
        ("book.xlsx", "not a workbook", "not a workbook"),
    ],
)
def test_a_file_that_cannot_be_used(
    lago: Sandbox, file: Written, tmp_path: Path, name: str, content: str | None, words: str
) -> None:
    path = tmp_path / name if content is None else file(content, name)
    same = unchanged(lago)

    refused(command(path), words)
    assert same()


def test_a_folder_is_no_file(lago: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "folder.csv").mkdir()

    refused(command(tmp_path / "folder.csv"), "this is a folder")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--batch-size", "0"], "--batch-size must be"),
        (["--concurrency", "65"], "--concurrency must be"),
        (["--max-failures", "0"], "--max-failures must be"),
        (["--rate", "-1"], "--rate must be"),
        (["--rate", "nan"], "--rate must be"),
        (["--date-format", "%Y"], "--date-format must"),
        (["--encoding", "klingon"], "klingon"),
        (["--delimiter", "ab"], "delimiter"),
    ],
)
def test_an_option_that_makes_no_sense(
    lago: Sandbox, file: Written, arguments: list[str], words: str
) -> None:
    refused(command(file(rows(1)), *arguments), words)


def test_a_refusal_in_json_is_one_document(lago: Sandbox, tmp_path: Path) -> None:
    answer = as_json(tmp_path / "missing.csv")

    assert answer.code == 2
    assert answer.json["status"] == "could_not_start"
    assert [problem["code"] for problem in answer.json["problems"]] == ["file_unreadable"]


def test_a_log_directory_that_cannot_be_written_is_found_first(
    lago: Sandbox, file: Written, settings: pytest.FixtureRequest
) -> None:
    settings.BACKFILL_LOG_DIR = Path("/proc/nowhere")  # type: ignore[attr-defined]
    lago.reset_requests()

    refused(command(file(rows(1))), "BACKFILL_LOG_DIR")
    assert lago.counts() == {}
    assert command(file(rows(1)), "--dry-run").code == 0


def test_a_dry_run_leaves_every_table_as_it_was(lago: Sandbox, file: Written) -> None:
    command(file(rows(2)))
    before = table_counts()

    command(file(rows(3)), "--dry-run")

    assert table_counts() == before


def test_a_long_document_is_printed_in_few_writes(lago: Sandbox, file: Written) -> None:
    class Counted(io.StringIO):
        writes = 0

        def write(self, text: str) -> int:
            self.writes += 1
            return super().write(text)

    out = Counted()
    words = ["--input", str(file(rows(50))), "--dry-run", "--format", "json"]

    call_command("backfill_customers", *words, stdout=out, stderr=io.StringIO())

    assert len(json.loads(out.getvalue())["rows"]) == 50
    assert out.writes < 10

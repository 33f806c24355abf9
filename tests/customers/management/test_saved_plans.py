"""Plans saved at the terminal: what an import is held to, and what is approved in the console."""

import json
import shlex
import stat
from pathlib import Path
from typing import Any

import pytest

from customers import jobs
from customers.backfill import approvals
from customers.models import BackfillRun, PlanApproval, User
from rehearsal.lago import Sandbox
from tests.customers.admin.world import audited, client_of, member_of_staff, preview_of, queued, words_of
from tests.customers.commands import Answer, as_json, command
from tests.customers.factories import csv_text, lago_customer, lago_subscription, row, rows, table_counts

pytestmark = pytest.mark.django_db

LIST = "/admin/customers/backfillrun/import/approvals/"


@pytest.fixture
def file(lago: Sandbox, tmp_path: Path) -> Path:
    path = tmp_path / "customers.csv"
    path.write_text(csv_text(rows(3)))
    return path


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    return tmp_path / "plan.json"


@pytest.fixture
def bert() -> User:
    return member_of_staff("approve_backfill", email="bert@operator.example")


@pytest.fixture
def required(settings: Any) -> None:
    settings.BACKFILL_REQUIRE_APPROVAL = True


def saved(file: Path, plan: Path, *options: str) -> Answer:
    return command(file, "--dry-run", "--save-plan", str(plan), *options)


# --- A plan in a file --------------------------------------------------------------------------------


def test_a_saved_plan_is_its_owners_and_says_nothing_of_people(file: Path, plan: Path) -> None:
    before = table_counts()

    answer = saved(file, plan)

    told = json.loads(plan.read_text())
    assert answer.code == 0
    assert stat.S_IMODE(plan.stat().st_mode) == 0o600
    assert told["digest"] in answer.err
    assert told["counts"] == {"create": 3, "complete": 0, "skip": 0, "fail": 0}
    assert told["rows"][0]["external_id"] == "C-1"
    assert told["rows"][0]["first_invoice"]["base_cents"] == 1000
    assert not any(word in plan.read_text() for word in ("@", "Customer 1", "TAG0001"))
    assert table_counts() == before


@pytest.mark.parametrize("options", [["--save-plan", "p.json"], ["--save-plan=p.json", "--force"]])
def test_the_command_named_next_imports_what_was_saved(
    file: Path, options: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(file.parent)
    typed = ["backfill_customers", "--input", str(file), "--dry-run", *options]
    monkeypatch.setattr("sys.argv", ["manage.py", *typed])
    looked = command(file, "--dry-run", *options)

    named = shlex.split(looked.err.rpartition("To do it: ")[2])
    done = command(file, *named[named.index(str(file)) + 1 :])

    assert (looked.code, done.code) == (0, 0)
    assert "--plan" in " ".join(named)
    assert BackfillRun.objects.get().status == BackfillRun.Status.SUCCEEDED


def test_a_plan_that_still_agrees_is_imported(file: Path, plan: Path) -> None:
    saved(file, plan)

    assert command(file, "--plan", str(plan)).code == 0
    assert BackfillRun.objects.get().status == "succeeded"


def test_a_plan_that_does_not_agree_writes_nothing_and_names_what_changed(
    file: Path, plan: Path, lago: Sandbox
) -> None:
    saved(file, plan, "--skip-existing", "--allow-partial")
    lago_customer(lago, 2)
    lago_subscription(lago, 2, plan_code="fleet", external_id="theirs")
    before = table_counts()

    answer = as_json(file, "--plan", str(plan), "--skip-existing", "--allow-partial")

    assert answer.code == 2
    assert answer.json["status"] == "could_not_start"
    assert "line 3: create → fail (lago_subscription_conflict)" in answer.json["problems"][0]["message"]
    assert table_counts() == before


def test_another_file_or_option_is_another_plan(file: Path, plan: Path) -> None:
    saved(file, plan)

    otherwise = command(file, "--plan", str(plan), "--skip-existing")
    file.write_text(csv_text(rows(4)))
    edited = command(file, "--plan", str(plan))

    assert (otherwise.code, edited.code) == (2, 2)
    assert "option skip_existing: off → on" in otherwise.err
    assert "the file is another" in edited.err


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot be read"),
        ("[1]", "is no saved plan"),
        ("{", "is no saved plan"),
        ("{}", "is no saved plan"),
    ],
)
def test_what_is_no_plan_is_refused(file: Path, plan: Path, content: str | None, said: str) -> None:
    if content is not None:
        plan.write_text(content)

    answer = command(file, "--plan", str(plan))

    assert answer.code == 2
    assert said in answer.err


def test_a_plan_that_was_edited_is_refused(file: Path, plan: Path) -> None:
    saved(file, plan)
    plan.write_text(plan.read_text().replace("1000", "1"))

    answer = command(file, "--plan", str(plan))

    assert answer.code == 2
    assert "was changed after it was saved" in answer.err


def test_a_plan_is_written_over_only_when_told(file: Path, plan: Path) -> None:
    saved(file, plan)

    assert saved(file, plan).code == 2
    assert saved(file, plan, "--force").code == 0
    assert saved(file, file, "--force").code == 2
    assert command(file, "--save-plan", str(plan)).code == 2
    assert not BackfillRun.objects.exists()


# --- Where approval is required ----------------------------------------------------------------------


def test_without_an_approved_plan_the_terminal_is_told_how_to_get_one(file: Path, required: None) -> None:
    before = table_counts()

    answer = command(file)

    assert answer.code == 2
    assert "Somebody else has to approve" in answer.err
    assert "--dry-run --save-plan FILE" in answer.err
    assert table_counts() == before


def test_whoever_asked_is_told_that_it_was_declined_by_whom_and_why(
    file: Path, plan: Path, required: None, bert: User
) -> None:
    saved(file, plan)
    approvals.decline(PlanApproval.objects.get(), bert, "Prices of 2026. Ask Carla.")

    answer = command(file)
    saved(file, plan, "--force")
    asked_again = command(file)

    assert answer.code == 2
    assert f"This import was declined by {bert.display_name or bert.email} on " in answer.err
    assert "Prices of 2026. Ask Carla. To ask for it: the same command" in answer.err
    assert "nobody has" in asked_again.err
    assert "declined" not in asked_again.err


def test_a_plan_saved_at_the_terminal_is_approved_in_the_console_and_imported(
    file: Path, plan: Path, required: None, bert: User
) -> None:
    said = saved(file, plan).err
    client = client_of(bert)
    listed = words_of(client.get(LIST))
    found = PlanApproval.objects.get()

    page = client.get(f"{LIST}{found.pk}/")
    client.post(f"{LIST}{found.pk}/approve/")
    answer = command(file)

    assert "It waits in the admin" in said
    assert "customers.csv" in listed
    assert "at the terminal" in listed
    assert "first invoices: 30.00 EUR in 3" in listed
    assert "C-3" in words_of(page)
    assert answer.code == 0
    assert [one.actor for one in audited("plan.approved")] == [f"staff:{bert.pk}"]


def test_a_login_at_the_terminal_is_known_by_the_address_that_begins_with_it(
    file: Path, plan: Path, required: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOGNAME", "Bert")
    saved(file, plan)
    bert = member_of_staff("approve_backfill", email="bert@operator.example")

    client_of(bert).post(f"{LIST}{PlanApproval.objects.get().pk}/approve/")

    assert PlanApproval.objects.get().status == "waiting"


def test_saving_the_same_plan_again_asks_no_second_time(
    file: Path, plan: Path, required: None, bert: User
) -> None:
    saved(file, plan)
    approvals.approve(PlanApproval.objects.get(), bert)

    answer = saved(file, plan, "--force")

    assert "It is approved already." in answer.err
    assert len(audited("plan.asked")) == 1


def test_a_plan_that_would_fail_asks_nobody(file: Path, plan: Path, required: None) -> None:
    file.write_text(csv_text([row(1, plan_code="nowhere")]))

    answer = saved(file, plan)

    assert "Nobody was asked" in answer.err
    assert not PlanApproval.objects.exists()


def test_what_was_approved_in_the_console_is_imported_at_the_terminal(
    file: Path, required: None, bert: User
) -> None:
    anna = member_of_staff("run_backfill", email="anna@operator.example")
    upload = preview_of(client_of(anna), file.read_bytes(), skip_existing="on")
    approvals.approve(approvals.ask(upload, anna), bert)

    assert command(file).code == 2
    assert command(file, "--skip-existing", "--concurrency", "2").code == 0


def test_what_was_approved_from_the_terminal_is_imported_in_the_console(
    file: Path, plan: Path, required: None, bert: User
) -> None:
    saved(file, plan)
    approvals.approve(PlanApproval.objects.get(), bert)
    client = client_of(member_of_staff("run_backfill", email="anna@operator.example"))

    run = queued(client, file.read_bytes())
    jobs.import_run(run.pk)

    run.refresh_from_db()
    assert run.status == "succeeded"
    assert PlanApproval.objects.get().run == run

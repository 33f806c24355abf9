"""A new system is one module and one line: nothing else of the product knows that there is a CRM.

CONTRIBUTING tells this story in words. The commands are real ones, in processes of their own, in an
installation whose list of steps has one more line (`tests/crm/apps.py`).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from customers.models import BackfillRun, BackfillStep
from rehearsal.lago import Sandbox
from tests.crm.server import Crm, running
from tests.customers.backfill.crash import world
from tests.customers.commands import Answer, environment
from tests.customers.factories import Row, csv_text, row, rows
from tests.support.processes import started, wait_for
from tests.upgrades.conftest import manage


@dataclass(frozen=True)
class Installation:
    """What an operator with a CRM has."""

    crm: Crm
    lago: Sandbox
    variables: dict[str, str]
    folder: Path

    def run(self, *arguments: str, **more: str) -> Answer:
        return manage(*arguments, **{**self.variables, **more})

    def on_run(self, command: str, *options: str, **more: str) -> Answer:
        return self.run(command, "--run-id", BackfillRun.objects.latest("pk").run_id, *options, **more)

    def file(self, given: list[Row]) -> str:
        path = self.folder / "customers.csv"
        path.write_text(csv_text(given))
        return str(path)

    def imported(self) -> Answer:
        return self.run("backfill_customers", "--input", self.file(THREE_CARDS))


# Two customers; the first has two cards.
THREE_CARDS = [*rows(2), row(1, id_tag="SECOND")]


@pytest.fixture
def here(database_url: str, tmp_path: Path) -> Iterator[Installation]:
    with Sandbox(on_a_quiet_day=True) as lago, running() as crm:
        variables = environment(lago, tmp_path, database_url)
        yield Installation(
            crm,
            lago,
            {**variables, "DJANGO_SETTINGS_MODULE": "tests.crm.settings", "CRM_URL": crm.url},
            tmp_path,
        )


def states() -> list[str]:
    steps = BackfillStep.objects.filter(name="crm_contact").order_by("row__line")
    return list(steps.values_list("state", flat=True))


def test_the_dry_run_names_it_and_writes_nothing(here: Installation) -> None:
    answer = here.run(
        "backfill_customers", "--input", here.file(THREE_CARDS), "--dry-run", "--format", "json"
    )

    assert answer.code == 0, answer.err
    assert [one["steps"]["crm_contact"] for one in answer.json["rows"]] == ["create", "create", "shared"]
    assert here.crm.posts == 0


def test_a_customer_with_two_cards_is_one_contact(here: Installation) -> None:
    answer = here.imported()

    assert answer.code == 0, answer.err
    assert sorted(here.crm.contacts) == ["C-1", "C-2"]
    assert (here.crm.posts, states()) == (2, ["created", "created", "shared"])
    log = next(here.folder.glob("run-*.log")).read_text()
    assert log.count("crm_contact=created") == 2


def test_killed_in_a_call_and_run_again_there_is_no_second_contact(here: Installation) -> None:
    here.crm.hold_at = 2
    file = here.file(THREE_CARDS)

    with started("backfill_customers", "--input", file, env=here.variables) as process:
        assert here.crm.held.wait(60)
        process.kill()
        process.wait()
    here.crm.go_on.set()
    world.wait_until_free()
    again = here.run("backfill_customers", "--input", file)

    assert again.code == 0, again.err
    assert sorted(here.crm.contacts) == ["C-1", "C-2"]
    assert states() == ["created", "created", "shared"]


def test_what_agrees_and_what_does_not_is_told(here: Installation) -> None:
    here.imported()

    agrees = here.on_run("backfill_reconcile", "--format", "json")
    here.crm.contacts["C-1"]["email"] = "other@example.com"
    del here.crm.contacts["C-2"]
    diverges = here.on_run("backfill_reconcile", "--format", "json")
    shown = here.on_run("backfill_reconcile")

    assert (agrees.code, agrees.json["steps"]["crm_contact"]["agreeing"]) == (0, 2)
    assert diverges.code == 1
    assert [(one["external_id"], one["step"], one["kind"]) for one in diverges.json["divergences"]] == [
        ("C-1", "crm_contact", "crm_email_drifted"),
        ("C-2", "crm_contact", "crm_missing"),
    ]
    assert "CRM contacts" in shown.out


@pytest.mark.matrix
def test_verify_checks_it_like_every_other(here: Installation) -> None:
    here.imported()

    well = here.on_run("backfill_verify")
    here.crm.contacts.clear()
    gone = here.on_run("backfill_verify")

    assert (well.code, "passed   contacts in CRM: 2 expected, 2 as recorded" in well.out) == (0, True)
    assert gone.code == 1
    assert "NO GO: contacts in CRM" in gone.out


def test_a_revert_takes_it_back(here: Installation) -> None:
    here.imported()

    planned = here.on_run("backfill_revert", "--dry-run")
    done = here.on_run("backfill_revert", "--noinput")

    assert (planned.code, done.code) == (0, 0), done.err
    assert "CRM contacts" in planned.out
    assert (here.crm.contacts, here.lago.state(live=True)["customers"]) == ({}, [])


@pytest.mark.matrix
def test_what_people_did_there_is_asked_about(here: Installation) -> None:
    here.imported()
    here.crm.contacts["C-1"]["notes"] = "called back"

    asked = here.on_run("backfill_revert", "--dry-run")

    assert asked.code == 1
    assert "has notes in the CRM" in asked.out


@pytest.mark.matrix
def test_without_the_system_nothing_is_said_of_the_run_and_nothing_taken_back(here: Installation) -> None:
    here.imported()
    file = here.file(THREE_CARDS)

    answers = [
        here.on_run("backfill_reconcile", CRM_URL=""),
        here.on_run("backfill_verify", CRM_URL=""),
        here.on_run("backfill_revert", "--noinput", CRM_URL=""),
    ]
    BackfillRun.objects.update(status="interrupted")
    answers.append(here.run("backfill_customers", "--input", file, CRM_URL=""))

    assert [answer.code for answer in answers] == [2, 2, 2, 2]
    for answer in answers:
        assert "made contacts in CRM, and CRM is not configured. Set CRM_URL (it was" in answer.err
        assert "backfill_revert --without crm" in answer.err
    assert sorted(here.crm.contacts) == ["C-1", "C-2"]


@pytest.mark.matrix
def test_a_system_that_is_gone_for_ever_can_be_left_alone(here: Installation) -> None:
    here.imported()

    done = here.on_run("backfill_revert", "--noinput", "--without", "crm", CRM_URL="")

    assert done.code == 0, done.err
    assert "CRM is left out: 2 contacts of the run stay there as they are." in done.out
    assert here.lago.state(live=True)["customers"] == []
    assert sorted(here.crm.contacts) == ["C-1", "C-2"]
    manifest = next(here.folder.glob("revert-*.log")).read_text()
    assert manifest.count("step=crm_contact outcome=kept code=left_out") == 2


@pytest.mark.matrix
def test_another_crm_is_refused_by_name(here: Installation) -> None:
    here.imported()

    with running() as other:
        answer = here.on_run("backfill_reconcile", CRM_URL=other.url)

    assert answer.code == 2
    assert "made its contacts in another CRM." in answer.err


@pytest.mark.matrix
def test_the_list_of_runs_and_the_run_know_it_without_the_system(here: Installation) -> None:
    here.imported()

    shown = here.run("backfill_runs", BackfillRun.objects.latest("pk").run_id, CRM_URL="")

    assert shown.code == 0
    assert "crm_contact" in shown.out


def test_a_call_that_waits_is_waited_for_when_a_run_is_stopped(here: Installation) -> None:
    here.crm.hold_at = 1

    with started("backfill_customers", "--input", here.file(rows(30)), env=here.variables) as process:
        assert here.crm.held.wait(60)
        process.terminate()
        here.crm.go_on.set()
        process.wait()

    wait_for(lambda: BackfillRun.objects.latest("pk").status == "interrupted")
    assert states().count("created") == len(here.crm.contacts)

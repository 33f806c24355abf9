"""A SteVe that is gone for ever, or must not be touched, does not forbid the undo of everything else."""

from typing import Any

import pytest
from django.urls import reverse

from customers.jobs import run_job
from customers.models import BackfillRun, BackfillStep, IdTagMapping, RunJob, User
from rehearsal.lago import Sandbox
from rehearsal.steve import SteveSandbox
from tests.customers.admin.world import EVERYTHING, client_of, member_of_staff, words_of
from tests.customers.backfill.steve.world import manage, run_of, states, tags
from tests.customers.factories import imported, row, rows

pytestmark = pytest.mark.django_db


def retire(settings: Any) -> None:
    settings.STEVE_BASE_URL = settings.STEVE_API_USERNAME = settings.STEVE_API_KEY = ""


@pytest.fixture
def run(steve: SteveSandbox) -> BackfillRun:
    """Two customers; one has a second card, one card was there before, blocked."""
    steve.world.add_tag("TAG0002", max_active_transaction_count=0)
    return run_of(imported([*rows(2), row(1, id_tag="SECOND")], skip_existing=True))


def test_the_refusal_leaves_a_way_out(run: BackfillRun, settings: Any) -> None:
    retire(settings)

    code, _, err = manage("backfill_revert", "--run-id", run.run_id, "--dry-run")

    assert code == 2
    assert f"The run {run.run_id} made idTags in SteVe, and SteVe is not configured." in err
    assert "If that SteVe is gone for ever, a revert can leave its idTags there" in err
    assert "backfill_revert --without steve" in err


def test_so_does_the_refusal_of_a_steve_that_does_not_answer(run: BackfillRun, settings: Any) -> None:
    settings.STEVE_BASE_URL = "http://127.0.0.1:1/steve"

    reverting = manage("backfill_revert", "--run-id", run.run_id, "--dry-run")
    reconciling = manage("backfill_reconcile", "--run-id", run.run_id)

    assert (reverting[0], reconciling[0]) == (2, 2)
    assert "--without steve" in reverting[2]
    assert "--without" not in reconciling[2]


def test_all_else_goes_and_what_stays_is_named(
    run: BackfillRun, steve: SteveSandbox, lago: Sandbox, settings: Any
) -> None:
    before = tags(steve)
    numbers = [ref for _, ref in states(run)]
    retire(settings)

    planned = manage("backfill_revert", "--run-id", run.run_id, "--without", "steve", "--dry-run")
    done = manage("backfill_revert", "--run-id", run.run_id, "--without", "steve", "--noinput")
    lines = (settings.BACKFILL_LOG_DIR / f"revert-{run.run_id}.log").read_text().splitlines()

    assert (planned[0], done[0]) == (0, 0)
    for out in (planned[1], done[1]):
        assert "SteVe is left out: 3 idTags of the run stay there as they are" in " ".join(out.split())
    assert not User.objects.exists()
    assert not IdTagMapping.objects.exists()
    assert lago.state(live=True)["customers"] == lago.state(live=True)["subscriptions"] == []
    assert tags(steve) == before
    named = [line for line in lines if "step=steve_id_tag " in line]
    assert [f"number {number} stays there as it is" in line for number, line in zip(
        sorted(numbers), sorted(named, key=lambda line: line.partition("number ")[2]), strict=True
    )] == [True] * 3  # fmt: skip
    assert all("outcome=kept code=left_out" in line for line in named)
    run.refresh_from_db()
    assert run.status == "reverted"
    assert set(states(run)) == {("kept", number) for number in numbers}


def test_a_later_revert_with_steve_back_finds_what_was_left(
    run: BackfillRun, steve: SteveSandbox, settings: Any
) -> None:
    configured = (settings.STEVE_BASE_URL, settings.STEVE_API_USERNAME, settings.STEVE_API_KEY)
    retire(settings)
    manage("backfill_revert", "--run-id", run.run_id, "--without", "steve", "--noinput")
    settings.STEVE_BASE_URL, settings.STEVE_API_USERNAME, settings.STEVE_API_KEY = configured

    code, out, _ = manage("backfill_revert", "--run-id", run.run_id, "--noinput")

    assert code == 0
    assert "3 kept" in out  # without our mapping nobody can tell that the number is still the run's idTag


def test_a_second_time_there_is_nothing_to_do(run: BackfillRun, settings: Any) -> None:
    retire(settings)
    again = ("backfill_revert", "--run-id", run.run_id, "--without", "steve", "--noinput")
    manage(*again)

    code, out, _ = manage(*again)

    assert (code, "Nothing to do" in out) == (0, True)


def test_an_id_tag_in_doubt_is_left_without_a_number(run: BackfillRun, settings: Any) -> None:
    BackfillStep.objects.filter(row__run=run, name="steve_id_tag", row__line=2).update(
        state="intended", ref="", intended_at=run.started_at
    )
    retire(settings)

    manage("backfill_revert", "--run-id", run.run_id, "--without", "steve", "--noinput")

    manifest = (settings.BACKFILL_LOG_DIR / f"revert-{run.run_id}.log").read_text()
    assert "SteVe was left out; whether it is there cannot be told" in manifest


def test_steve_is_not_even_reached(run: BackfillRun, steve: SteveSandbox) -> None:
    before = steve.state()["requests"]

    code, _, _ = manage("backfill_revert", "--run-id", run.run_id, "--without", "steve", "--noinput")

    assert code == 0
    assert steve.state()["requests"] == before


def test_the_console_offers_the_same_where_the_look_was_refused(
    run: BackfillRun, lago: Sandbox, settings: Any
) -> None:
    client = client_of(member_of_staff(*EVERYTHING))
    page = reverse("admin:customers_backfillrun_revert", args=[run.pk])
    look = reverse("admin:customers_backfillrun_revert_look", args=[run.pk])
    retire(settings)

    client.post(look)
    run_job(RunJob.objects.latest("pk").pk)
    refused = words_of(client.get(page))
    client.post(look, {"without": "steve"})
    run_job(RunJob.objects.latest("pk").pk)
    offered = words_of(client.get(page))
    client.post(page, {"run_id": run.run_id})
    run_job(RunJob.objects.latest("pk").pk)

    assert "SteVe is not configured" in refused
    assert "Look without SteVe: its idTags stay there" in refused
    assert "SteVe is left out: 3 idTags of the run stay there" in offered
    run.refresh_from_db()
    assert run.status == "reverted"
    assert lago.state(live=True)["customers"] == []

"""What the console's revert leaves alone: only what may be left, and only what was seen."""

from typing import Any

import pytest
from django.urls import reverse

from charging import SteveClient
from customers.jobs import run_job
from customers.models import BackfillRun, IdTagMapping, RunJob
from rehearsal.lago import Sandbox
from rehearsal.steve import SteveSandbox
from tests.customers.admin.world import EVERYTHING, client_of, member_of_staff, words_of
from tests.customers.backfill.steve.world import manage, run_of, tags
from tests.customers.factories import imported, rows

pytestmark = pytest.mark.django_db


def urls(run: BackfillRun) -> tuple[str, str]:
    names = ("revert", "revert_look")
    page, look = (reverse(f"admin:customers_backfillrun_{name}", args=[run.pk]) for name in names)
    return page, look


def work() -> None:
    run_job(RunJob.objects.latest("pk").pk)


@pytest.mark.parametrize("without", ["lago", "", "moon"])
def test_a_system_that_bills_cannot_be_left_alone_whatever_is_sent(lago: Sandbox, without: str) -> None:
    run = run_of(imported(rows(2)))
    client = client_of(member_of_staff(*EVERYTHING))
    page, look = urls(run)

    client.post(look, {"without": without})
    work()
    client.post(page, {"run_id": run.run_id})
    work()

    run.refresh_from_db()
    assert run.status == "succeeded"
    assert "There is no system" in RunJob.objects.latest("pk").reason
    assert IdTagMapping.objects.filter(is_active=True).count() == 2
    assert len(lago.state(live=True)["subscriptions"]) == 2


def test_a_revert_goes_by_the_look_that_was_read_and_by_no_other(steve: SteveSandbox, lago: Sandbox) -> None:
    run = run_of(imported(rows(2)))
    page, look = urls(run)
    mine = client_of(member_of_staff(*EVERYTHING))
    colleague = client_of(member_of_staff(*EVERYTHING, email="b@operator.example"))
    mine.post(look)
    work()
    seen: Any = mine.get(page)
    read = RunJob.objects.latest("pk").pk
    colleague.post(look, {"without": "steve"})
    work()

    answer = mine.post(page, {"run_id": run.run_id, "look": read})

    run.refresh_from_db()
    assert f'name="look" value="{read}"' in seen.content.decode()
    assert "Somebody has looked again since" in words_of(answer)
    assert (run.status, len(tags(steve))) == ("succeeded", 2)


def test_what_was_left_is_told_once_for_all_cards_and_not_called_gone(
    steve: SteveSandbox, lago: Sandbox
) -> None:
    run = run_of(imported(rows(3)))
    page, look = urls(run)
    client = client_of(member_of_staff(*EVERYTHING))

    client.post(look, {"without": "steve"})
    work()
    seen = words_of(client.get(page))
    client.post(page, {"run_id": run.run_id, "look": RunJob.objects.latest("pk").pk})
    work()
    after = words_of(client.get(reverse("admin:customers_backfillrun_change", args=[run.pk])))

    assert "stays there as it is" not in seen
    assert seen.count("idTags") < 6
    assert len(tags(steve)) == 3
    assert "What was kept stands as it was" in after
    assert "Nothing that this run made is left" not in after


def test_long_lists_of_divergences_say_how_many_more_there_are(lago: Sandbox, monkeypatch: Any) -> None:
    monkeypatch.setattr("customers.jobs.results.KEPT", 2)
    run = run_of(imported(rows(5)))
    IdTagMapping.objects.update(is_active=False)
    client = client_of(member_of_staff(*EVERYTHING))
    page = reverse("admin:customers_backfillrun_reconcile", args=[run.pk])

    client.post(page)
    work()

    total = RunJob.objects.latest("pk").result["divergences_total"]
    assert total > 2
    assert f"… and {total - 2} more" in words_of(client.get(page))


def test_what_the_terminal_left_is_not_called_gone_either(steve: SteveSandbox, lago: Sandbox) -> None:
    run = run_of(imported(rows(1)))
    manage("backfill_revert", "--run-id", run.run_id, "--without", "steve", "--noinput")

    page = reverse("admin:customers_backfillrun_change", args=[run.pk])
    after = words_of(client_of(member_of_staff(*EVERYTHING)).get(page))

    assert "What was kept stands as it was" in after


def test_the_look_says_how_long_steve_will_take(
    steve: SteveSandbox, lago: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = run_of(imported(rows(3)))
    page, look = urls(run)
    client = client_of(member_of_staff(*EVERYTHING))
    monkeypatch.setattr(SteveClient, "call_s", property(lambda client: 100))

    client.post(look)
    work()

    told = "SteVe: 3 idTags to take back, about 10 min at what a call takes there now."
    assert told in words_of(client.get(page))

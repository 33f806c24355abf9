"""The worker of the console waits for the platform's sync, in slices, and keeps what it saw for the page."""

import threading
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from customers import jobs
from customers.backfill.engine.stop import Stop
from customers.jobs import settling
from customers.jobs.slices import Slice
from customers.models import BackfillRun, BackfillUpload, RunJob, User
from tests.customers.admin.world import (
    EVERYTHING,
    audited,
    client_of,
    customers_csv,
    member_of_staff,
    preview_of,
    preview_page,
    queued,
    run_url,
    text_of,
    upload,
    words_of,
)
from tests.customers.backfill.platform import world
from tests.customers.factories import imported, rows
from tests.rehearsal.platform.town import Town, wait_until

pytestmark = pytest.mark.django_db
IS_WELL = "The platform has synced since, and all cards are as they should be."


@pytest.fixture
def client(town: Town) -> Client:
    return client_of(member_of_staff(*EVERYTHING))


class OverAtOnce(Slice):
    """Is over when the wait begins."""

    def start(self, what: str, total: int) -> None:
        self._over()


def wait_of(run: BackfillRun) -> RunJob:
    return run.jobs.get(kind=RunJob.Kind.SETTLE)


def waited(run: BackfillRun, **how: Any) -> RunJob:
    """Have the worker take up the wait once."""
    jobs.run_job(wait_of(run).pk, **how)
    return wait_of(run)


def imported_by_worker(client: Client, count: int = 2, **options: Any) -> BackfillRun:
    run = queued(client, customers_csv(count), **options)
    assert jobs.import_run(run.pk) == "done"
    run.refresh_from_db()
    assert run.status == "succeeded"
    return run


def reverted_by_worker(run: BackfillRun, **options: Any) -> BackfillRun:
    job = jobs.ask(run, RunJob.Kind.REVERT, "staff:1", **options)
    assert jobs.run_job(job.pk) == "done"
    run.refresh_from_db()
    assert run.status == "reverted"
    return run


def page_of(client: Client, run: BackfillRun) -> str:
    return words_of(client.get(run_url(run)))


# --- After an import -----------------------------------------------------------------------------------


def test_the_worker_waits_after_an_import_and_the_page_says_so(client: Client, town: Town) -> None:
    run = imported_by_worker(client)
    meanwhile = page_of(client, run)

    job = waited(run)

    assert "Waiting for the platform's sync. It opens and blocks the cards" in meanwhile
    assert "Stop waiting" in meanwhile
    assert (job.status, job.result) == ("done", {"sync": "completed", "remarks": []})
    assert IS_WELL in page_of(client, run)
    assert "Stop waiting" not in page_of(client, run)
    assert world.open_tags(town) == {"TAG0001", "TAG0002"}


def test_a_card_that_is_still_blocked_stands_on_the_page_with_its_remedy(client: Client, town: Town) -> None:
    run = imported_by_worker(client)
    town.database.execute("update user_mappings set is_active = false where steve_ocpp_id_tag = 'TAG0002'")

    job = waited(run)

    assert [one["code"] for one in job.result["remarks"]] == ["blocked"]
    shown = page_of(client, run)
    assert "1 card is still blocked in SteVe after the platform's sync (C-2)." in shown
    assert "By hand in SteVe it does not last." in shown
    assert IS_WELL not in shown


def test_the_wait_goes_on_in_the_next_slice_since_the_same_moment(client: Client, town: Town) -> None:
    run = imported_by_worker(client)
    town.platform.stop_worker()

    first = waited(run, slice_of=OverAtOnce)
    shown = page_of(client, run)
    second = waited(run, slice_of=OverAtOnce)
    town.platform.start_worker()
    last = waited(run)

    assert (first.status, second.status, last.status) == ("queued", "queued", "done")
    assert first.result == second.result
    until = datetime.fromisoformat(first.result["until"])
    assert f"until {until:%H:%M:%S} UTC at the latest" in shown
    assert last.result["sync"] == "completed"


def test_the_wait_has_an_end(client: Client, town: Town) -> None:
    run = imported_by_worker(client)
    town.platform.stop_worker()
    waited(run, slice_of=OverAtOnce)
    over = (timezone.now() - timedelta(seconds=1)).isoformat()
    RunJob.objects.update(result={**wait_of(run).result, "until": over})

    job = waited(run)

    assert (job.status, job.result["sync"]) == ("done", "too late")
    assert "The platform's sync has not come to its end in time" in page_of(client, run)


def test_nobody_waits_while_the_import_goes_on(client: Client, town: Town) -> None:
    run = queued(client, customers_csv(2))
    settling.expect(run, "staff:1")

    job = waited(run)

    assert (job.status, job.reason, job.result) == ("queued", settling.NOT_YET, {})
    assert "Waiting for the platform's sync" not in page_of(client, run)


def test_an_import_that_is_stopped_is_not_waited_for(client: Client, town: Town) -> None:
    run = queued(client, customers_csv(2))
    BackfillRun.objects.update(stop_requested=False)

    class StoppedAtOnce(Slice):
        def start(self, what: str, total: int) -> None:
            self._stop.request("stopped in the admin", interrupted=True)

    jobs.import_run(run.pk, slice_of=StoppedAtOnce)

    run.refresh_from_db()
    assert run.status == "interrupted"
    assert not run.jobs.exists()


def test_an_import_that_would_fail_now_is_not_waited_for(client: Client, town: Town) -> None:
    run = queued(client, customers_csv(1))
    User.objects.create_user("customer1@example.com", external_id="OTHER")

    assert jobs.import_run(run.pk) == "refused"

    assert not run.jobs.exists()


# --- Not waiting -----------------------------------------------------------------------------------------


def test_who_ticks_it_does_not_wait_after_an_import(client: Client, town: Town) -> None:
    kept = preview_of(client, customers_csv(2), no_wait="on")
    assert "do not wait for the platform" in preview_page(client, kept)
    kept.delete()

    run = imported_by_worker(client, no_wait="on")
    job = waited(run)
    town.platform.wait_synced(1)

    assert job.result == {"sync": "notified", "remarks": []}
    assert "The platform was told to sync; nobody waited for it." in page_of(client, run)


def test_the_option_is_offered_beside_a_platform_only(client: Client, settings: Any) -> None:
    offered = text_of(client.get("/admin/customers/backfillrun/import/"))
    settings.POLARIS_DATABASE_URL = ""
    alone = text_of(client.get("/admin/customers/backfillrun/import/"))
    upload(client, customers_csv(1), no_wait="on")

    assert ("Do not wait for the platform" in offered, "Do not wait for the platform" in alone) == (
        True,
        False,
    )
    assert "no_wait" not in BackfillUpload.objects.get().options


# --- Stop ------------------------------------------------------------------------------------------------


def test_stop_ends_the_wait_at_once(client: Client, town: Town) -> None:
    run = imported_by_worker(client)

    answer = client.post(run_url(run, "stop"), follow=True)

    job = wait_of(run)
    assert (job.status, job.reason) == ("stopped", "stopped in the admin")
    assert "Nobody waits for the platform's sync any more." in words_of(answer)
    assert "Nobody waited for the platform's sync." in words_of(answer)
    assert len(audited("settle.stopped")) == 1
    assert jobs.run_job(job.pk) == "nothing"


@pytest.mark.django_db(transaction=True)
def test_stop_ends_a_wait_that_is_under_way(client: Client, town: Town) -> None:
    run = imported_by_worker(client)
    town.platform.stop_worker()
    turns: list[str] = []

    def wait_once() -> None:
        turns.append(jobs.run_job(wait_of(run).pk))
        connection.close()

    thread = threading.Thread(target=wait_once)
    thread.start()
    wait_until(lambda: wait_of(run).result)
    client.post(run_url(run, "stop"))
    thread.join(60)

    assert turns == ["nothing"]
    assert wait_of(run).status == "stopped"


def test_stop_of_a_run_at_which_nobody_is_says_nothing(client: Client, town: Town) -> None:
    run = imported_by_worker(client)
    waited(run)

    client.post(run_url(run, "stop"))

    assert wait_of(run).status == "done"
    assert not audited("settle.stopped")


# --- After a revert --------------------------------------------------------------------------------------


def test_the_worker_waits_after_a_revert(client: Client, town: Town) -> None:
    run = world.imported_beside(town, rows(2))
    reverted_by_worker(run)

    job = waited(run)

    assert (job.options["reverted"], job.result) == (True, {"sync": "completed", "remarks": []})
    assert IS_WELL in page_of(client, run)
    assert world.open_tags(town) == set()


def test_a_card_that_is_open_after_a_revert_stands_on_the_page(client: Client, town: Town) -> None:
    run = world.imported_beside(town, rows(2))
    world.bill(town)
    reverted_by_worker(run, discard_activity=True)
    town.database.execute("update user_mappings set is_active = true")

    waited(run)

    assert "1 card is open in SteVe after the platform's sync, and nobody is billed for it (C-1)." in page_of(
        client, run
    )


def test_a_revert_is_not_waited_for_where_that_was_ticked(client: Client, town: Town) -> None:
    run = world.imported_beside(town, rows(2))
    look = jobs.ask(run, RunJob.Kind.REVERT_PREVIEW, "staff:1")
    jobs.run_job(look.pk)
    offered = text_of(client.get(run_url(run, "revert")))

    client.post(run_url(run, "revert"), {"run_id": run.run_id, "look": look.pk, "no_wait": "on"})
    jobs.run_job(run.jobs.get(kind=RunJob.Kind.REVERT).pk)
    job = waited(run)

    assert "Do not wait for the platform" in offered
    assert job.result == {"sync": "notified", "remarks": []}


def test_a_worker_that_dies_once_all_is_reverted_leaves_the_wait_to_the_next(
    client: Client, town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = world.imported_beside(town, rows(2))
    job = jobs.ask(run, RunJob.Kind.REVERT, "staff:1")

    def die(*args: Any, **kwargs: Any) -> None:
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(settling, "expect", die)
        with pytest.raises(SystemExit):
            jobs.run_job(job.pk)
    assert not run.jobs.filter(kind=RunJob.Kind.SETTLE).exists()
    jobs.run_job(job.pk)

    assert waited(run).result == {"sync": "completed", "remarks": []}


def test_a_revert_at_the_terminal_ends_the_wait_for_the_import(client: Client, town: Town) -> None:
    run = imported_by_worker(client)
    BackfillRun.objects.update(status="reverted")

    job = waited(run)

    assert (job.status, job.reason) == ("stopped", settling.OVERTAKEN)
    assert "Waiting for the platform's sync" not in page_of(client, run)


def test_what_was_seen_after_the_import_is_not_shown_of_a_reverted_run(client: Client, town: Town) -> None:
    run = imported_by_worker(client)
    waited(run)
    assert IS_WELL in page_of(client, run)

    BackfillRun.objects.update(status="reverted")

    assert IS_WELL not in page_of(client, run)


# --- Without ---------------------------------------------------------------------------------------------


def test_where_the_platform_does_not_answer_the_page_says_so(
    client: Client, town: Town, settings: Any
) -> None:
    run = imported_by_worker(client)
    settings.POLARIS_DATABASE_URL = "postgresql://nobody@127.0.0.1:1/away"

    job = waited(run)

    assert job.status == "refused"
    shown = page_of(client, run)
    assert "Nobody could wait for the platform's sync: " in shown
    assert "The platform's database does not answer" in shown


def test_without_a_platform_there_is_nothing_to_wait_for(lago: Any) -> None:
    run = imported(rows(1)).run
    assert run is not None

    reverted_by_worker(run)

    assert [job.kind for job in run.jobs.all()] == ["revert"]


def test_a_watched_wait_ends_when_somebody_is_at_the_run_again(client: Client, town: Town) -> None:
    run = imported_by_worker(client)
    stop: Stop = settling.Watched(wait_of(run))
    stop.sleep(0)
    before = stop.requested

    BackfillRun.objects.update(status="reverting")
    stop.sleep(0)

    assert (before, stop.requested) == (False, True)

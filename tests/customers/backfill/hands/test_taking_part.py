"""Who takes part in a run in shares: nobody with other systems, of another version, or who comes too late."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from django.utils import timezone

from customers import jobs
from customers.backfill.engine.stop import Stop, now_s
from customers.backfill.hands.hand import LEFT_BY_VERSION, OTHER_VERSION, Lent
from customers.backfill.hands.keeping import Keeper
from customers.backfill.hands.pace import SharedPace
from customers.backfill.ledger import shares
from customers.database import database_time
from customers.models import BackfillRun, RunShare, SharedRun
from rehearsal.lago import Sandbox
from tests.customers import factories
from tests.customers.backfill.hands.working import hand, run_of, shared_out

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def small_shares(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("customers.backfill.hands.handing_over.SHARE_S", 0.001)


def test_whoever_has_other_systems_does_not_take_part(lago: Sandbox) -> None:
    run = run_of(shared_out(factories.rows(5)))
    shared = SharedRun.objects.get(run=run)
    SharedRun.objects.update(kept=shared.kept | {"steps": ["user", "steve_id_tag"]})

    assert hand(run, "stranger:1") is Lent.REFUSED

    found = shares.sharing_of(run)
    assert found is not None
    assert "stranger:1 does not take part" in found.refused
    assert found.waiting == 1
    assert RunShare.objects.get(run=run).claims == 0  # nobody has to look at it anew


def test_whoever_is_at_another_lago_does_not_take_part(lago: Sandbox) -> None:
    run = run_of(shared_out(factories.rows(5)))
    BackfillRun.objects.update(lago_organization_id="another")

    assert hand(run, "stranger:1") is Lent.REFUSED
    assert lago.counts().get("POST /customers", 0) == 0


def test_whoever_is_of_another_version_leaves_a_run_to_those_of_its_own(
    lago: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    run = run_of(shared_out(factories.rows(5), batch_size=5))
    kept = SharedRun.objects.get(run=run).kept
    SharedRun.objects.update(kept=kept | {"version": "another"})

    stranger = hand(run, "stranger:1")
    found = shares.sharing_of(run)
    SharedRun.objects.update(kept=kept)
    hand(run)
    jobs.look_after(run)

    run.refresh_from_db()
    assert stranger is Lent.REFUSED
    assert found is not None
    assert found.refused == f"stranger:1 does not take part: {OTHER_VERSION}."
    assert f"This worker does not take part in the run {run.run_id}: {OTHER_VERSION}." in caplog.messages
    assert run.status == "succeeded"


def test_a_run_whose_version_has_no_workers_any_more_ends_and_goes_on_with_this_one(lago: Sandbox) -> None:
    run = run_of(shared_out(factories.rows(20), batch_size=5))
    hand(run, for_s=0)
    kept, then = SharedRun.objects.get(run=run).kept, timezone.now() - timedelta(minutes=3)
    SharedRun.objects.update(kept=kept | {"version": "another"}, opened_at=then)
    RunShare.objects.exclude(claimed_at=None).update(claimed_at=then)

    jobs.lend_a_hand(run.pk)
    run.refresh_from_db()
    ended = run.status, run.reason
    factories.imported(factories.rows(20))

    run.refresh_from_db()
    assert ended == ("interrupted", LEFT_BY_VERSION)
    assert run.status == "succeeded"
    assert lago.counts()["POST /customers"] == 20


def test_a_share_that_is_claimed_while_leases_are_renewed_is_not_taken_for_a_lost_one(
    lago: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, token, stop = run_of(shared_out(factories.rows(10), batch_size=5)), uuid4(), Stop()
    keeper, renew = Keeper(token, SharedPace(run.pk, stop), stop), shares.renew

    def claimed_meanwhile(mine: UUID) -> set[int]:
        ours = renew(mine)
        share = shares.claim(run.pk, mine, "first:1")
        assert share is not None
        keeper.hold(share.pk, now_s())
        return ours

    monkeypatch.setattr(shares, "renew", claimed_meanwhile)
    keeper._renew()
    meanwhile = stop.has_lapsed
    monkeypatch.setattr(shares, "renew", renew)
    RunShare.objects.filter(token=token).update(token=uuid4())
    keeper._renew()

    assert (meanwhile, stop.has_lapsed) == (False, True)


def test_a_job_that_waited_for_long_is_none_while_somebody_is_at_the_run(lago: Sandbox) -> None:
    run, long_ago = run_of(shared_out(factories.rows(10), batch_size=5)), database_time().timestamp() - 60
    mine = uuid4()
    shares.claim(run.pk, mine, "first:1")

    while_one_is = jobs.lend_a_hand(run.pk, long_ago)
    shares.give_back(mine)
    while_nobody_is = jobs.lend_a_hand(run.pk, long_ago)

    assert (while_one_is, while_nobody_is) == ("late", Lent.WORKED)

"""A revert in shares: the end of one in one process, whatever becomes of a hand."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings as configured
from django.utils import timezone

from customers import jobs
from customers.backfill.engine.progress import Progress
from customers.backfill.engine.stop import Stop
from customers.backfill.hands.following import Follower, follow_revert
from customers.backfill.hands.hand import Lent
from customers.backfill.hands.handing_over import SharingOut
from customers.backfill.ledger import life, log_parts, shares
from customers.backfill.refused import Refused
from customers.backfill.revert import SHARED, Choice, RevertReport, revert
from customers.backfill.revert.records import Removals
from customers.backfill.systems import connect
from customers.models import BackfillRun, BackfillStep, IdTagMapping, RunShare, SharedRun, User
from rehearsal.lago import Sandbox
from tests.customers import factories
from tests.customers.backfill.hands.working import hand
from tests.customers.factories import do_not_sleep
from tests.customers.undoing import called, latest_run

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def small_shares(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    monkeypatch.setattr("customers.backfill.hands.handing_over.SHARE_S", 0.001)
    settings.BACKFILL_BATCH_SIZE = 5


def shared_out(
    run: BackfillRun | None = None, *, only: Sequence[str] | None = None, **choice: Any
) -> RevertReport:
    """Plan a revert, and leave it to workers."""
    with connect(sleep=do_not_sleep) as systems:
        return revert(
            run or latest_run(), systems, Choice(**choice), actor="cli:tester",
            log_dir=configured.BACKFILL_LOG_DIR, stop=Stop(), progress=Progress(), batch_size=5, concurrency=2,
            only=only, share_out=SharingOut(0, 2).of_revert,
        )  # fmt: skip


def followed(report: RevertReport) -> RevertReport:
    """Have one hand do all of it, and tell what came of it as whoever follows would."""
    run = report.plan.run
    while SharedRun.objects.filter(run=run).exists() and hand(run) is Lent.WORKED:
        jobs.look_after(run)
    jobs.look_after(run)
    who = Follower(
        actor="cli:tester", log_dir=configured.BACKFILL_LOG_DIR, stop=Stop(), progress=Progress(),
        look_after=jobs.look_after, leaves=lambda: False,
    )  # fmt: skip
    return follow_revert(report, who)


def let_leases_end(run: BackfillRun) -> None:
    past = timezone.now() - timedelta(hours=1)
    RunShare.objects.filter(run=run).exclude(token=None).update(lease_until=past)


def manifest() -> list[str]:
    path = configured.BACKFILL_LOG_DIR / f"revert-{latest_run().run_id}.log"
    return [line.partition(" run=")[2].partition(" ")[2] for line in path.read_text().splitlines()]


def live(lago: Sandbox) -> Mapping[str, int]:
    state = lago.state(live=True)
    return {kind: len(state[kind]) for kind in ("customers", "subscriptions")}


# --- the same as one process -------------------------------------------------------------------------


def test_shares_take_back_what_one_process_takes_back(lago: Sandbox) -> None:
    factories.imported(factories.rows(12))

    report = followed(shared_out())

    latest_run().refresh_from_db()
    assert (report.status, latest_run().status) == ("reverted", "reverted")
    assert report.counts == {"removed": 48}
    assert live(lago) == {"customers": 0, "subscriptions": 0}
    assert not IdTagMapping.objects.exists()
    assert not User.objects.filter(role="customer").exists()
    assert not SharedRun.objects.exists()
    assert lago.journal() == {"invoices": [], "credit_notes": []}
    assert manifest()[0].startswith("revert=")
    assert len([line for line in manifest() if line.startswith("line=")]) == 48
    assert manifest()[-1].startswith("status=reverted removed=48 ")

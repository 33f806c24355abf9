"""The rows of a run are read piece by piece, and what comes of it does not depend on the pieces."""

import json
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

import pytest

from auditlog.models import AuditEntry
from customers.backfill.revert import RowPlan, reading
from customers.models import BackfillRow, BackfillRun, BackfillStep, RunCalls, User
from polaris import PolarisError
from rehearsal.lago import Sandbox
from tests.customers import factories
from tests.customers.factories import row
from tests.customers.undoing import all_rows, called, latest_run, reverted
from tests.rehearsal.lago.calls import Caller

pytestmark = pytest.mark.django_db(transaction=True)

LEDGER = (AuditEntry, BackfillRun, BackfillRow, BackfillStep, RunCalls)
Told = dict[str, Any]


@pytest.fixture
def in_pieces_of(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    return lambda size: monkeypatch.setattr(reading, "PIECE", size)


def two_cards_each() -> list[factories.Row]:
    """Six customers, then a second card of each: never in one piece with the first."""
    return [row(n) for n in range(1, 7)] + [row(n, id_tag=f"SECOND{n}") for n in range(1, 7)]


def came_and_went(lago: Sandbox) -> Told:
    """Import, have a customer sign in, look, revert all but the active, and them; return all that is told.

    Usage is in Lago before, and stays there.
    """
    factories.imported(two_cards_each())
    run_id = latest_run().run_id
    User.objects.filter(external_id="C-2").update(last_login="2030-01-01T00:00:00Z")
    looked = called("backfill_revert", "--run-id", run_id, "--dry-run", "--format", "json").out
    first = AuditEntry.objects.latest("pk").pk
    kept = reverted(keep_active=True, concurrency=1)
    lines = manifest_of(kept)
    rest = reverted(discard_activity=True, concurrency=1)
    told = AuditEntry.objects.filter(pk__gt=first).order_by("pk").values_list("action", "subject")
    return {
        "looked": json.loads(looked) | {"run_id": ""},
        "counts": (kept.counts, kept.status, rest.counts, rest.status),
        "manifest": manifest_of(rest),
        "kept": lines,
        "audit": [one for one in told if one[1].startswith("customer:")],
        "left": all_rows(*LEDGER),
        "in Lago": lago.state(live=True, volatile=True),
    }


def used_before(by_hand: Caller) -> None:
    for number in (2, 5):
        event = {"transaction_id": f"t-{number}", "external_subscription_id": f"backfill-C-{number}"}
        by_hand.post("/events", {"event": event | {"code": "ev_charging_kwh", "timestamp": 1_795_000_000}})


def manifest_of(report: Any) -> list[str]:
    lines = report.manifest.read_text(encoding="utf-8").splitlines()
    return [line.partition(" line=")[2] for line in lines if " line=" in line]


@pytest.mark.parametrize("size", [1, 5])
def test_cards_in_two_pieces_go_as_in_one(
    lago: Sandbox, by_hand: Caller, in_pieces_of: Callable[[int], None], size: int
) -> None:
    used_before(by_hand)
    in_one = came_and_went(lago)

    in_pieces_of(size)
    in_many = came_and_went(lago)

    assert in_many == in_one
    assert in_one["looked"]["active"] == {
        "C-2": ["signed in", "usage events in Lago: 1"],
        "C-5": ["usage events in Lago: 1"],
    }
    assert in_one["in Lago"]["subscriptions"] == []


def test_what_a_customers_cards_share_goes_after_the_last_piece(
    lago: Sandbox, in_pieces_of: Callable[[int], None]
) -> None:
    factories.imported(two_cards_each())
    in_pieces_of(5)

    report = reverted(concurrency=1)

    lines = manifest_of(report)
    cards = [
        n for n, line in enumerate(lines) if "external_id=C-3 " in line and "step=id_tag_mapping" in line
    ]
    shared = [n for n, line in enumerate(lines) if "external_id=C-3 " in line and "step=user" in line]
    assert (report.status, len(cards), len(shared)) == ("reverted", 2, 1)
    assert max(cards) < shared[0]


def test_a_database_that_goes_away_between_pieces_ends_the_attempt_in_order(
    lago: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    factories.imported(two_cards_each())
    of_keys = reading.Reading.of_keys

    def breaking(self: reading.Reading, pks: Iterable[int]) -> Iterator[RowPlan]:
        yield from islice(of_keys(self, pks), 6)
        raise PolarisError("platform_unreachable", "The platform is away")

    with monkeypatch.context() as while_away:
        while_away.setattr(reading.Reading, "of_keys", breaking)
        broken = reverted(concurrency=1)
    left = User.objects.count()
    rest = reverted(concurrency=1)

    assert (broken.status, broken.reason) == ("failed", "The platform is away")
    assert 0 < left <= 6
    assert (rest.status, User.objects.count(), lago.state(live=True)["customers"]) == ("reverted", 0, [])

"""What the tests of backfill_verify share."""

import json
from typing import Any

import pytest

from customers.models import BackfillRun, IdTagMapping
from rehearsal.lago import Sandbox
from rehearsal.steve import SteveSandbox
from tests.customers.backfill.steve.world import CHARGE_BOX, let_bill, manage, run_of
from tests.customers.factories import Row, imported

TAG = "TAG0001"
AND_CHARGE = ("--id-tag", TAG, "--charge-box", CHARGE_BOX, "--timeout", "60")


def run_over(given: list[Row], steve: SteveSandbox, **options: Any) -> BackfillRun:
    run = run_of(imported(given, **options))
    let_bill(steve)
    return run


def verified(run: BackfillRun, *options: str) -> tuple[int, dict[str, tuple[bool | None, str, str]]]:
    """Verify; give the exit code and, by name, of each check whether it passed, what it compared and why."""
    code, out, _ = manage("backfill_verify", "--run-id", run.run_id, "--format", "json", *options)
    document = json.loads(out)
    assert document["verdict"] == ("go" if code == 0 else "no-go")
    return code, {c["name"]: (c["passed"], c["compared"], c["detail"]) for c in document["checks"]}


def failures(run: BackfillRun, *options: str) -> dict[str, str]:
    """Verify what is no go; give the reason of each check that failed."""
    code, checks = verified(run, *options)
    assert code == 1
    return {name: why for name, (passed, _, why) in checks.items() if passed is False}


def looks_after_the_event(lago: Sandbox) -> int:
    """Count how often Lago was asked for the event of the session after it was there."""
    paths = [one["path"] for one in lago.requests()["requests"]]
    there = next(at for at, path in enumerate(paths) if path.endswith("/events/batch"))
    return sum(path.endswith("_final") for path in paths[there:])


def ignore_stops(steve: SteveSandbox, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """Let SteVe answer so many stops as always, and carry none of them out."""
    left, carry_out = [None] * number, steve.world.told_to_stop

    def told_to_stop(*stop: Any, **more: Any) -> Any:
        return left.pop() if left else carry_out(*stop, **more)

    monkeypatch.setattr(steve.world, "told_to_stop", told_to_stop)


def block_the_id_tag(steve: SteveSandbox, lago: Sandbox) -> None:
    steve.steer("POST", "id-tags", id_tag=TAG, max_active_transaction_count=0)


def change_the_number(steve: SteveSandbox, lago: Sandbox) -> None:
    IdTagMapping.objects.filter(id_tag=TAG).update(steve_ocpp_tag_pk=77)

"""Refused cards beside a platform, which writes over the notes by which SteVe tells them."""

from collections.abc import Callable
from typing import Any

import pytest

from charging.charge_point import ChargePointError
from customers.backfill.repair import plan_repair
from customers.backfill.systems import connect
from customers.models import BackfillRun, IdTagMapping
from tests.customers.backfill.cards.world import board_of, meet, pairs
from tests.customers.backfill.platform.world import imported_beside, in_platform, open_tags
from tests.customers.backfill.steve.world import manage, reverted, run_of
from tests.customers.factories import do_not_sleep, imported, row
from tests.rehearsal.platform.town import Town

pytestmark = pytest.mark.django_db(transaction=True)
DASHED = "15-A1-B2-C6"


def test_one_is_known_after_its_note_is_gone_is_corrected_and_taken_back(town: Town) -> None:
    run = imported_beside(town, [row(1, id_tag="15A1B2C6"), row(2, id_tag="16A1B2C6")])
    town.add_tag("LOST", 0)  # blocked and never used
    meet(town.steve, DASHED)
    town.platform.sync()
    note = town.tag(DASHED)["note"]

    board = board_of(run)
    correction = imported([row(1, id_tag=DASHED)], skip_existing=True)
    town.platform.sync()

    assert pairs(board) == {"15A1B2C6": DASHED}
    assert [(card.id_tag, card.made_by_steve) for card in board.refused] == [
        (DASHED, note.startswith("This unknown idTag"))
    ]
    assert in_platform(town)[DASHED][:2] == ("C-1", True)
    assert {DASHED, "15A1B2C6"} <= open_tags(town)
    assert board_of(run).refused == []

    # The platform bills what began within its look-back, the refused session too: so the customer was active.
    assert reverted(run_of(correction)).status == "refused"
    assert reverted(run_of(correction), discard_activity=True).status == "reverted"
    town.platform.sync()
    assert DASHED not in open_tags(town)
    assert "15A1B2C6" in open_tags(town)


# --- The wrong spelling is stopped ---------------------------------------------------------------------


def corrected_beside(town: Town, *, parents: bool) -> BackfillRun:
    """Import a customer of two cards, one misspelt, and after it was refused the true spelling."""
    run = imported_beside(town, [row(1, id_tag="15A1B2C6"), row(1, id_tag="SECOND")], parents=parents)
    meet(town.steve, DASHED)
    town.platform.sync()
    imported([row(1, id_tag=DASHED)], skip_existing=True)
    town.platform.sync()
    return run


def synced_after(town: Town, work: Callable[[], Any]) -> Any:
    """Do something that wakes the platform's sync, and wait until that is through."""
    before = town.platform.finished()
    done = work()
    town.platform.wait_synced(before + 1)
    return done


@pytest.mark.parametrize("parents", [False, True])
def test_a_wrong_spelling_stays_stopped_through_the_next_syncs_and_the_true_one_is_billed(
    town: Town, parents: bool
) -> None:
    run = corrected_beside(town, parents=parents)
    stop = ("backfill_cards", "--run-id", run.run_id, "--stop-wrong", "C-1")

    code, _, told = synced_after(town, lambda: manage(*stop))
    again, _, _ = synced_after(town, lambda: manage(*stop))
    town.platform.sync()

    assert (code, again) == (0, 0)
    assert "C-1: The card is off on the platform, too, and blocked in SteVe." in told
    assert in_platform(town)["15A1B2C6"][:2] == ("C-1", False)
    assert {DASHED, "SECOND"} <= open_tags(town)
    assert town.limits()["15A1B2C6"] == 0
    assert town.tag("15A1B2C6").get("parentIdTag") is None
    with pytest.raises(ChargePointError):
        town.charge("15A1B2C6")
    town.charge(DASHED)
    town.platform.sync()
    assert [(to, kwh) for _, to, kwh in town.events() if float(kwh) > 0] == [("backfill-C-1", "7.400")]


def test_a_repair_leaves_a_wrong_spelling_stopped(town: Town) -> None:
    run = corrected_beside(town, parents=False)
    synced_after(town, lambda: manage("backfill_cards", "--run-id", run.run_id, "--stop-wrong", "C-1"))

    with connect(sleep=do_not_sleep) as systems:
        plan = plan_repair(run, systems)

    assert [(doing.step, doing.id_tag) for doing in plan.doings] == []


def test_a_platform_that_cannot_be_reached_is_told_and_the_same_command_does_the_rest(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = corrected_beside(town, parents=False)
    stop = ("backfill_cards", "--run-id", run.run_id, "--stop-wrong", "C-1")
    town.steve.fault("500,method=PUT,times=forever")

    failed, _, told = manage(*stop)
    meanwhile = IdTagMapping.objects.get(id_tag="15A1B2C6").is_active
    town.steve.clear_faults()
    done, _, _ = synced_after(town, lambda: manage(*stop))

    assert (failed, meanwhile, done) == (1, False, 0)
    assert "C-1: The card is off here; elsewhere it is as it was:" in told
    assert town.limits()["15A1B2C6"] == 0


def test_after_all_is_reverted_no_spelling_is_open(town: Town) -> None:
    run = corrected_beside(town, parents=True)
    synced_after(town, lambda: manage("backfill_cards", "--run-id", run.run_id, "--stop-wrong", "C-1"))
    correction = BackfillRun.objects.exclude(pk=run.pk).get()

    for one in (correction, run):
        assert reverted(one, discard_activity=True).status == "reverted"
    town.platform.sync()

    assert not open_tags(town) & {DASHED, "15A1B2C6", "SECOND"}
    assert not IdTagMapping.objects.filter(is_active=True).exists()

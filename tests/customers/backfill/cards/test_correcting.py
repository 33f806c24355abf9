"""A correction is an import of its own: previewed, audited, reverted; and the wrong spelling stops."""

from pathlib import Path

import pytest

from auditlog.models import AuditEntry
from customers.models import BackfillRun, IdTagMapping
from rehearsal.lago import Sandbox
from rehearsal.steve import SteveSandbox
from tests.customers.backfill.cards.world import IMPORTABLE, MET, board_of, run_with_refused
from tests.customers.backfill.steve.world import divergences, manage, reverted, tags
from tests.customers.commands import as_json

pytestmark = pytest.mark.django_db
DASHED = "15-A1-B2-C6"


def picks(run: BackfillRun, *ours: str) -> list[str]:
    owners = {
        one.id_tag: f"{card.ocpp_tag_pk}={one.external_id}"
        for card in board_of(run).refused
        for one in card.choices
    }
    return [argument for card in ours for argument in ("--pick", owners[card])]


def test_all_that_can_be_is_imported_as_further_cards_and_taken_back(
    steve: SteveSandbox, lago: Sandbox, tmp_path: Path
) -> None:
    run = run_with_refused(steve)
    before, in_lago, file = tags(steve), lago.state(live=True), tmp_path / "cards.csv"

    code, _, _ = manage(
        "backfill_cards", "--run-id", run.run_id, *picks(run, *IMPORTABLE), "--output", str(file)
    )
    done = as_json(file, "--skip-existing")

    assert (code, done.code, done.json["status"]) == (0, 0, "succeeded")
    assert file.stat().st_mode & 0o077 == 0
    assert lago.state(live=True) == in_lago
    assert IdTagMapping.objects.filter(is_active=True, id_tag__in=MET.values()).count() == len(IMPORTABLE)
    assert not tags(steve)[DASHED]["blocked"]
    assert {card.id_tag for card in board_of(run).with_owner} == {"14:A1:B2:C6", " 16A1B2C6"}

    undone = reverted(BackfillRun.objects.get(run_id=done.json["run_id"]))

    assert undone.status == "reverted"
    assert (tags(steve), lago.state(live=True)) == (before, in_lago)
    assert IdTagMapping.objects.filter(is_active=True).count() == len(MET)
    assert divergences(run) == []
    (entry,) = AuditEntry.objects.filter(action="run.cards_chosen")
    assert (entry.tag, entry.data["cards"]) == (run.audit_tag, len(IMPORTABLE))


def test_the_wrong_spelling_is_switched_off_once_the_true_one_bills(
    steve: SteveSandbox, tmp_path: Path
) -> None:
    run, file = run_with_refused(steve), tmp_path / "cards.csv"
    stop = ("backfill_cards", "--run-id", run.run_id, "--stop-wrong", "C-2")
    early, _, _ = manage(*stop)
    manage("backfill_cards", "--run-id", run.run_id, *picks(run, "15A1B2C6"), "--output", str(file))
    as_json(file, "--skip-existing")
    _, _, tried = manage(*stop, "--dry-run")

    _, _, told = manage(*stop)
    _, _, again = manage(*stop)

    assert early == 2
    assert "1 card to switch off. Nothing was switched off." in tried
    assert "C-2: The card is off, and blocked in SteVe." in told
    assert "C-2: The card is off, and blocked in SteVe." in again
    off = IdTagMapping.objects.filter(is_active=False)
    assert [one.id_tag for one in off] == ["15A1B2C6"]
    assert (tags(steve)["15A1B2C6"]["blocked"], tags(steve)[DASHED]["blocked"]) == (True, False)
    assert AuditEntry.objects.filter(action="idtagmapping.changed", subject="customer:C-2").count() == 1


def test_nothing_is_chosen_by_itself_and_nothing_is_written_that_was_not(
    steve: SteveSandbox, tmp_path: Path
) -> None:
    run, file = run_with_refused(steve), tmp_path / "cards.csv"
    call = ("backfill_cards", "--run-id", run.run_id)
    colons = next(card for card in board_of(run).refused if card.id_tag == "14:A1:B2:C6").ocpp_tag_pk
    dashed = picks(run, "15A1B2C6")

    refusals = [
        manage(*call, "--output", str(file)),
        manage(*call, *dashed),
        manage(*call, "--pick", f"{colons}=C-1", "--output", str(file)),
        manage(*call, "--pick", f"{colons}=C-9", "--output", str(file)),
        manage(*call, "--pick", "9999=C-1", "--output", str(file)),
        manage(*call, *dashed, "--output", str(tmp_path)),
    ]
    _, _, tried = manage(*call, *dashed, "--output", str(file), "--dry-run")

    assert [code for code, _, _ in refusals] == [2] * 6
    assert "Nothing was written" in tried
    assert not file.exists()
    assert not AuditEntry.objects.filter(action="run.cards_chosen").exists()


def test_cards_are_masked_unless_they_are_asked_for(steve: SteveSandbox) -> None:
    run = run_with_refused(steve)
    whole = [*MET, *(met.strip() for met in MET.values())]

    _, masked, _ = manage("backfill_cards", "--run-id", run.run_id)
    _, document, _ = manage("backfill_cards", "--run-id", run.run_id, "--format", "json")
    _, shown, _ = manage("backfill_cards", "--run-id", run.run_id, "--format", "json", "--show-values")

    assert [card for card in whole if card in masked or card in document] == []
    assert [card for card in whole if card not in shown] == []
    assert "a look-alike may be a stranger's" in masked

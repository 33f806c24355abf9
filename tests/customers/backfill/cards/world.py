"""A board of refused cards, each beside its owner."""

from datetime import UTC, datetime
from typing import Any

from customers.backfill.cards import Board, look
from customers.backfill.systems import connect
from customers.models import BackfillRun
from rehearsal.steve import SteveSandbox
from tests.customers.backfill.steve.world import CHARGE_BOX, run_of
from tests.customers.factories import Row, do_not_sleep, imported, row

# What a charger reads, by the card of the file.
MET = {
    "14A1B2C6": "14:A1:B2:C6",
    "15A1B2C6": "15-A1-B2-C6",
    "16A1B2C6": " 16A1B2C6",
    "17A1B2C6": str(0x17A1B2C6),
    "18A1B2C6": str(0xC6B2A118),
    "19A1B2C6": "C6B2A119",
    "0AA1B2C6": "AA1B2C6",
    "04A1B2C3D4E582": "04A1B2C3",
    "1CA1B2C6": "RFID_1CA1B2C6",
    "05A1B2C3D4E583": "83E5D4C3B2A105",
}
IMPORTABLE = [card for card, met in MET.items() if ":" not in met and " " not in met]
STRANGER = "DEADBEEF"


def cards_of_the_file() -> list[Row]:
    return [row(number, id_tag=card) for number, card in enumerate(MET, start=1)]


def meet(steve: SteveSandbox, id_tag: str, *, energy_wh: int = 0) -> None:
    """Have a charger begin by itself, as SteVe is told of it; and end."""
    now = datetime.now(UTC)
    session, _ = steve.world.start(CHARGE_BOX, 1, id_tag, 0, now)
    steve.world.stop(session.pk, energy_wh, now, None)


def run_with_refused(steve: SteveSandbox) -> BackfillRun:
    """Import the file, and have every real card and a stranger's refused."""
    run = run_of(imported(cards_of_the_file()))
    for met in (*MET.values(), STRANGER):
        meet(steve, met)
    return run


def board_of(run: BackfillRun) -> Board:
    with connect(sleep=do_not_sleep) as systems:
        return look(run, systems)


def pairs(board: Board) -> dict[str, Any]:
    """The refused idTag of each card of ours that one may be."""
    return {one.id_tag: card.id_tag for card in board.refused for one in card.alike}

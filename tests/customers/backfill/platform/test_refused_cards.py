"""Refused cards beside a platform, which writes over the notes by which SteVe tells them."""

import pytest

from tests.customers.backfill.cards.world import board_of, meet, pairs
from tests.customers.backfill.platform.world import imported_beside, in_platform, open_tags
from tests.customers.backfill.steve.world import reverted, run_of
from tests.customers.factories import imported, row
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

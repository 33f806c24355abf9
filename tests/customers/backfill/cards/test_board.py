"""Refused cards of every kind beside their owners, and what SteVe cannot show."""

import time
from typing import Any

import pytest

from customers.backfill.refused import Refused
from kernel.twins import Sureness
from rehearsal.lago import Sandbox
from rehearsal.steve import SteveSandbox
from tests.customers.backfill.cards.world import MET, STRANGER, board_of, meet, pairs, run_with_refused
from tests.customers.backfill.steve.world import CHARGE_BOX, manage, run_of
from tests.customers.backfill.verify.world import run_over, verified
from tests.customers.factories import imported, row, rows

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("version", ["3.7", "3.8", "3.9", "3.12", "3.14", "3.15"])
def test_ten_kinds_stand_beside_their_owners_on_every_version(
    settings: Any, lago: Sandbox, version: str
) -> None:
    with SteveSandbox(version=version, charge_boxes=[CHARGE_BOX]) as steve:
        for name, value in steve.variables().items():
            setattr(settings, name, value)
        board = board_of(run_with_refused(steve))

    assert pairs(board) == MET
    assert [card.id_tag for card in board.unlike] == [STRANGER]
    for card in board.with_owner:
        assert card.made_by_steve
        assert card.met is not None
        assert (card.met.number, card.met.charge_boxes) == (1, (CHARGE_BOX,))
    assert len(board.with_owner) == len(MET)


def test_what_was_blocked_on_purpose_is_not_a_refused_card(steve: SteveSandbox) -> None:
    run = run_of(imported([row(1, id_tag="15A1B2C6")]))
    steve.world.add_tag("15-A1-B2-C6", max_active_transaction_count=0, note="stolen")
    steve.world.add_tag("META-15A1B2C6", max_active_transaction_count=0)
    meet(steve, "15-A1-B2-C6")

    assert board_of(run).refused == []


def test_what_may_be_of_two_customers_is_a_guess_for_both(steve: SteveSandbox) -> None:
    run = run_of(imported([row(1, id_tag="15A1B2C6")]))
    imported([row(2, id_tag="C6B2A115")])
    meet(steve, "15-A1-B2-C6")

    (card,) = board_of(run).refused

    assert (card.owners, {one.likeness.sureness for one in card.alike}) == (2, {Sureness.LOW})
    assert [one.external_id for one in card.choices] == ["C-1"]  # the other is of another run


def test_sessions_in_another_spelling_are_told_and_cannot_be_corrected(steve: SteveSandbox) -> None:
    run = run_of(imported(rows(2)))
    meet(steve, "tag0001", energy_wh=5000)
    meet(steve, "TAG0001 ", energy_wh=1000)
    meet(steve, "tag0002")  # nothing was charged

    board = board_of(run)

    assert board.refused == []
    assert [(one.external_id, one.spelling, one.energy_kwh) for one in board.misspelt] == [
        ("C-1", "TAG0001 ", 1.0),
        ("C-1", "tag0001", 5.0),
    ]


def test_without_steve_or_with_one_that_is_away_it_says_so(steve: SteveSandbox, settings: Any) -> None:
    run = run_of(imported(rows(1)))
    steve.steer("POST", "api", on=False)

    code, _, told = manage("backfill_cards", "--run-id", run.run_id)

    assert (code, "SteVe" in told) == (2, True)
    settings.STEVE_BASE_URL = settings.STEVE_API_USERNAME = settings.STEVE_API_KEY = ""
    with pytest.raises(Refused, match="SteVe is not configured"):
        board_of(run)


def test_verify_says_go_and_warns_of_the_twins(steve: SteveSandbox) -> None:
    run = run_over([row(1, id_tag="15A1B2C6")], steve)
    meet(steve, STRANGER)
    before = verified(run)
    meet(steve, "15-A1-B2-C6")

    after = verified(run)

    assert "cards that SteVe refused" not in before[1]
    assert (before[0], after[0]) == (0, 0)
    assert after[1]["cards that SteVe refused"] == (True, "1 card looks like cards of the run", "")
    _, text, _ = manage("backfill_verify", "--run-id", run.run_id)
    assert "1 card that SteVe refused looks like cards of this run" in " ".join(text.split())


@pytest.fixture
def many(steve: SteveSandbox) -> SteveSandbox:
    for number in range(10_000):
        meet(steve, f"{number * 104_729:010}")
    return steve


def test_ten_thousand_refused_cards_take_seconds(many: SteveSandbox) -> None:
    run = run_of(imported([row(1, id_tag="15A1B2C6")]))
    meet(many, "15-A1-B2-C6")
    began = time.monotonic()

    board = board_of(run)

    assert (len(board.refused), board.refused[0].id_tag) == (10_001, "15-A1-B2-C6")
    assert time.monotonic() - began < 10

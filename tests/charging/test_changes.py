"""What counts as a change of an idTag since a run, and what only the platform wrote."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from charging.changes import AS_MADE, IS_BLOCKED, OUR_NOTE, as_left, changes
from charging.values import OcppTag

MADE = OcppTag(1, "A1B2C3D4", -1, note=OUR_NOTE)
THERE = OcppTag(1, "A1B2C3D4", 0, parent_id_tag="FLEET", note="van 7", user_pk=7)
SOON = datetime(2030, 1, 1, tzinfo=UTC)

CHANGED = {
    "parent": {"parent_id_tag": "META-K7M2P9QX"},
    "limit 2": {"max_active_transaction_count": 2},
    "note": {"note": "lost"},
    "expiry": {"expires_at": SOON, "expiry_date": SOON.isoformat()},
    "user": {"user_pk": 3},
    IS_BLOCKED: {"max_active_transaction_count": 0},
}


def test_what_is_as_it_was_made_has_not_changed() -> None:
    assert list(changes(AS_MADE, MADE)) == []


@pytest.mark.parametrize(("word", "change"), CHANGED.items(), ids=CHANGED)
def test_each_change_has_its_word(word: str, change: dict[str, object]) -> None:
    assert list(changes(AS_MADE, replace(MADE, **change))) == [word]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "note",
    [
        "Linked to Alice Example",
        "Linked to Alice Example\nLast synced on 2026-11-28",
        "Linked to Alice Example > backfill-C-1\n---\nLast synced on 2026-11-28",
        "No active subscription\nLast synced on 2026-11-28",
        f"{OUR_NOTE}\nLast synced on 2026-11-28",
    ],
)
def test_what_the_platform_writes_is_no_change(note: str) -> None:
    assert list(changes(AS_MADE, replace(MADE, note=note))) == []


def test_a_line_of_the_platform_that_was_there_before_may_be_written_anew() -> None:
    noted = replace(THERE, note="van 7\nLast synced on 2026-11-27")
    synced = replace(noted, note="van 7\nLast synced on 2026-11-28", max_active_transaction_count=-1)
    lost = replace(synced, note="lost\nLast synced on 2026-11-28")

    assert (list(changes(as_left(noted), synced)), list(changes(as_left(noted), lost))) == ([], ["note"])


def test_a_word_of_an_administrator_beside_the_platforms_is_one() -> None:
    noted = replace(MADE, note="Linked to Alice Example\nstolen, see mail\nLast synced on 2026-11-28")

    assert list(changes(AS_MADE, noted)) == ["note"]


def test_a_note_that_somebody_emptied_has_changed() -> None:
    assert list(changes(AS_MADE, replace(MADE, note=None))) == ["note"]


def test_what_the_platform_blocked_nobody_changed() -> None:
    blocked = replace(MADE, max_active_transaction_count=0, note="No active subscription")

    assert list(changes(AS_MADE, blocked)) == []


def test_what_a_run_unblocked_is_compared_with_how_it_was() -> None:
    left = as_left(THERE)
    unblocked = replace(THERE, max_active_transaction_count=-1)

    assert list(changes(left, unblocked)) == []
    assert list(changes(left, replace(unblocked, note="van 8", user_pk=None))) == ["note", "user"]


def test_of_what_version_1_0_did_not_keep_only_the_limit_is_compared() -> None:
    assert list(changes({}, replace(THERE, max_active_transaction_count=-1))) == []
    assert list(changes({}, replace(THERE, max_active_transaction_count=2))) == ["limit 2"]


def test_what_is_kept_names_nobody() -> None:
    assert "FLEET" not in str(as_left(THERE))
    assert "van" not in str(as_left(THERE))

"""The rules of SteVe: who may charge, and what a session leaves behind."""

from datetime import UTC, datetime

from rehearsal.steve import SteveSandbox
from tests.charging.factories import LAST_YEAR, charging
from tests.rehearsal.steve.calls import ID_TAG


def test_an_unknown_card_at_a_charger_is_inserted_and_blocked(steve: SteveSandbox) -> None:
    session, status = steve.world.start("TEST-1", 1, "STRANGER", 0, datetime.now(UTC))

    tag = steve.world.tags[session.tag_pk]
    assert (status, tag.id_tag, tag.is_blocked) == ("Invalid", "STRANGER", True)
    assert (tag.note or "").startswith("This unknown idTag was used in a transaction that started @ 20")


def test_blocked_counts_before_expired(steve: SteveSandbox) -> None:
    steve.world.add_tag(ID_TAG, max_active_transaction_count=0, expiry_date=LAST_YEAR)

    assert steve.world.authorise(ID_TAG) == "Blocked"


def test_the_limit_counts_at_the_start_only(steve: SteveSandbox) -> None:
    steve.world.add_tag(ID_TAG, max_active_transaction_count=1)
    charging(steve, ID_TAG)

    assert steve.world.authorise(ID_TAG) == "Accepted"
    assert steve.world.authorise(ID_TAG, starting=True) == "ConcurrentTx"

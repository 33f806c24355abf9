"""Seeing to it that no session of ours is left running, as SteVe answers also a stop that it ignores."""

import asyncio
import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from charging import Transaction
from charging.ocpp_session import Begun, ChargePointError
from customers.backfill.verify.asked import LiveTest
from kernel import RemoteError

LONGEST_STOP_S = 20.0


SAME_START = timedelta(milliseconds=1)  # as exact as it is told: another's session is never stopped


@dataclass(frozen=True, slots=True)
class Ending:
    """How a session stands in SteVe. `runs` is None where that cannot be told, and `said` says what to do."""

    found: Transaction | None
    runs: bool | None
    said: str
    was_stopped_again: bool = False


def end(test: LiveTest, begun: Begun, tell: Callable[[str], None], *, is_stopped: bool = False) -> Ending:
    """Look whether a session runs on, and if so stop it once more and look again; raises nothing.

    `is_stopped`: SteVe has answered a stop, so that where nobody can look, no second one is sent.
    """
    try:
        found = find(test, begun)
    except RemoteError as error:
        return Ending(None, None, str(error)) if is_stopped else _end_unseen(test, begun, error)
    if found is None:
        return Ending(None, False, _not_there(test, begun))
    if not found.is_running:
        return Ending(found, False, f"transaction {found.transaction_pk} was begun, and has ended in SteVe")
    tell(f"Transaction {found.transaction_pk} still runs in SteVe: it is being stopped …")
    trouble = _stop(test, found.transaction_pk, found, begun)
    how = "ended only at the second stop" if is_stopped else "was left running, and is stopped now"
    return _look_again(test, begun, found, how, trouble)


def find(test: LiveTest, begun: Begun) -> Transaction | None:
    """Find the session in SteVe, by its number or, where that never came, by its start; raise SteveError."""
    there = test.steve.transactions_of([test.id_tag])
    if begun.transaction_id is not None:
        return next((one for one in there if one.transaction_pk == begun.transaction_id), None)
    box = test.charge_box_id.casefold()  # SteVe takes it in any capitals
    ours = (one for one in there if one.charge_box_id.casefold() == box)
    return next((one for one in ours if abs(one.started_at - begun.started_at) < SAME_START), None)


def newest(test: LiveTest) -> int:
    """Return SteVe's number of the newest session of the card, 0 without one; raise SteveError."""
    return max((one.transaction_pk for one in test.steve.transactions_of([test.id_tag])), default=0)


def end_what_was_left(test: LiveTest, after: int, tell: Callable[[str], None]) -> tuple[bool, str]:
    """End what a process that was killed left running; return whether all has ended, and what became of it.

    `after` is the newest session before it began: what came since, of this card on a box that is there for
    tests, is its own. Raises SteveError where nobody can look. Safe to repeat.
    """
    box = test.charge_box_id.casefold()
    there = test.steve.transactions_of([test.id_tag])
    ours = [one for one in there if one.transaction_pk > after and one.charge_box_id.casefold() == box]
    begun = [Begun(one.transaction_pk, one.started_at, math.ceil(one.start_wh)) for one in ours]
    endings = [end(test, one, tell) for one in begun]
    told = "; ".join(ending.said for ending in endings) or "SteVe has no session of it"
    return all(ending.runs is False for ending in endings), told


def _look_again(test: LiveTest, begun: Begun, before: Transaction, how: str, trouble: str) -> Ending:
    try:
        found = find(test, begun)
    except RemoteError as error:
        return Ending(before, None, _by_hand(test, before.transaction_pk, f"whether it ended: {error}"))
    if found is None or not found.is_running:
        return Ending(found, False, f"transaction {before.transaction_pk} {how}", was_stopped_again=True)
    why = trouble or "SteVe answered the stop and did not carry it out"
    said = (
        f"transaction {found.transaction_pk} on {test.charge_box_id} STILL RUNS in SteVe ({why}):"
        " open it there under Transactions and stop it"
    )
    return Ending(found, True, said)


def _end_unseen(test: LiveTest, begun: Begun, error: RemoteError) -> Ending:
    """Stop what is known to have begun although nobody can look; a second stop does no harm."""
    if begun.transaction_id is None:
        why = "SteVe never answered the start, and does not say whether a session began"
        return Ending(None, None, f"{why} ({error}); look there for one that runs on {test.charge_box_id}")
    trouble = _stop(test, begun.transaction_id, None, begun)
    sent = f"; the stop failed: {trouble}" if trouble else "; it was sent a stop"
    return Ending(None, None, _by_hand(test, begun.transaction_id, f"it cannot be looked at: {error}{sent}"))


def _stop(test: LiveTest, transaction_id: int, found: Transaction | None, begun: Begun) -> str:
    """Stop over a new connection, as what SteVe has of the session demands; say what went wrong."""
    from charging.charge_point import stop_session  # OCPP takes long to load: only what charges waits

    meter_wh = max(begun.meter_wh, math.ceil(found.start_wh)) if found else begun.meter_wh
    stopping = stop_session(
        test.ocpp_url,
        test.charge_box_id,
        found.id_tag if found else test.id_tag,
        transaction_id=transaction_id,
        started_at=found.started_at if found else begun.started_at,
        meter_wh=meter_wh,
        password=test.ocpp_password,
        timeout_s=LONGEST_STOP_S,
    )
    try:
        asyncio.run(stopping)
    except ChargePointError as error:
        return str(error)
    return ""


def _not_there(test: LiveTest, begun: Begun) -> str:
    if begun.transaction_id is not None:
        return f"SteVe shows no transaction {begun.transaction_id} of the idTag"
    return (
        "SteVe never answered the start and shows no session of it now;"
        f" look there once more later, on {test.charge_box_id}"
    )


def _by_hand(test: LiveTest, transaction_pk: int, why: str) -> str:
    return (
        f"transaction {transaction_pk} on {test.charge_box_id} may still run in SteVe ({why}):"
        " look there under Transactions, and stop it if it does"
    )

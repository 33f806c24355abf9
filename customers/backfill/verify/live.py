"""A charging session with a test idTag, followed from the charge point into Lago.

It writes: a session in SteVe, and through the platform a usage event in Lago, which is billed to the
customer whose idTag it is.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta

from charging import Transaction
from charging.ocpp_session import ChargePointError, Session
from charging.values import folded
from customers.backfill.engine.stop import Stop
from customers.backfill.systems import Systems
from customers.backfill.verify import platform
from customers.backfill.verify.asked import LiveTest
from customers.backfill.verify.checks import Check
from customers.backfill.verify.ending import Ending, end
from customers.backfill.verify.following import EVENT, Follower
from kernel.masking import mask_id_tag

CHARGING = "charging session"
ENERGY_WH = 1_000
LONGEST_SESSION_S = 60.0  # the whole talk of the simulated charge point; a real one takes a second
CLOCKS_AGREE = timedelta(minutes=1)
SAME_TIME = timedelta(seconds=1)  # however many digits of it are kept


class Diary:
    """Hears what must outlive a process that is killed while it charges; this one keeps nothing."""

    def about_to_charge(self, test: LiveTest) -> None:
        """Hear that from now on SteVe may have a session; whatever this raises, none is begun."""

    def charged(self, session: Session) -> None:
        """Hear which session took place: what is left is to follow it."""


def run_live_test(
    test: LiveTest,
    systems: Systems,
    failed: Sequence[str],
    *,
    stop: Stop,
    tell: Callable[[str], None],
    diary: Diary,
) -> Iterator[Check]:
    """Charge and follow the energy, a check at a time; what was written is never left unsaid.

    It ends before it has written anything if a check has `failed`, or if the energy would be billed to nobody
    or to somebody else: no customer is to pay for a test that cannot come out well.
    """
    ready = [_subscription_check(test, systems)]
    if systems.platform is not None:
        ready.append(platform.bills_there(test, systems.platform))
    yield from ready
    failed = [*failed, *(check.name for check in ready if not check.passed)]
    if failed:
        why = f"nothing was charged; first put right: {', '.join(failed)}"
        yield Check(CHARGING, None, "", why)
    elif not stop.requested:
        diary.about_to_charge(test)
        yield from _charge_and_follow(test, systems, stop=stop, tell=tell, diary=diary)


def _charge_and_follow(
    test: LiveTest, systems: Systems, *, stop: Stop, tell: Callable[[str], None], diary: Diary
) -> Iterator[Check]:
    session, charged = _charge(test, stop, tell)
    yield charged
    if session is None:
        return
    ending = end(test, session.begun, tell, is_stopped=True)
    yield _session_check(test, session, ending)
    if ending.runs:
        yield Check(EVENT, None, "", "left out: the session has not ended")
        return
    diary.charged(session)
    yield from follow(test, session, systems, stop=stop, tell=tell)


def follow(
    test: LiveTest, session: Session, systems: Systems, *, stop: Stop, tell: Callable[[str], None]
) -> Iterator[Check]:
    """Follow a session that has ended into Lago, and to the platform; raise nothing. Safe to repeat."""
    tell(f"Waiting for the usage event in Lago, for up to {test.timeout_s:,.0f} s …")
    follower = Follower(
        systems.lago, test.subscription_key, session, test.timeout_s, stop, platform.nudge(systems)
    )
    event = follower.follow()
    yield event
    if systems.platform is not None and event.passed:
        yield platform.recorded_there(test, session.transaction_id, systems.platform)


def _subscription_check(test: LiveTest, systems: Systems) -> Check:
    """Prove who pays before anything is written: events name only the subscription."""
    name, key = "who pays for the idTag", test.subscription_key
    if not test.is_billed or not key:
        compared = f"mapping of {mask_id_tag(test.id_tag)} to {test.external_id}"
        return Check(name, False, compared, "the mapping is not active, so nothing is billed")
    active = systems.lago.subscription(key)
    if active is not None:
        owner = active.external_customer_id
        why = "" if owner == test.external_id else "sessions would be billed to another customer"
        return Check(name, not why, f"{key} belongs to {owner}, the idTag to {test.external_id}", why)
    pending = systems.lago.subscription(key, status="pending")
    why = "Lago has no active subscription of this name"
    if pending is not None:
        start = pending.subscription_at
        why = f"it is pending: nothing is billed before {start:%Y-%m-%d}" if start else "it is pending"
    return Check(name, False, f"{key} of {test.external_id}", why)


def _charge(test: LiveTest, stop: Stop, tell: Callable[[str], None]) -> tuple[Session | None, Check]:
    from charging.charge_point import charging_session  # OCPP takes long to load: only what charges waits

    what = f"{mask_id_tag(test.id_tag)} on {test.charge_box_id}"
    charging = charging_session(
        test.ocpp_url,
        test.charge_box_id,
        test.id_tag,
        energy_wh=ENERGY_WH,
        password=test.ocpp_password,
        timeout_s=LONGEST_SESSION_S,
        break_off=lambda: stop.requested,
    )
    try:
        session = asyncio.run(charging)
    except ChargePointError as error:
        return None, _failed(test, error, what, stop, tell)
    compared = f"{what}: {session.authorised}, {session.energy_wh:,} Wh, transaction {session.transaction_id}"
    return session, Check(CHARGING, True, compared, _clocks(session))


def _failed(
    test: LiveTest, error: ChargePointError, what: str, stop: Stop, tell: Callable[[str], None]
) -> Check:
    """Say what went wrong and that nothing of it runs on, or what to do if it does."""
    if error.begun is None:
        return Check(CHARGING, None if stop.requested else False, what, str(error))
    ending = end(test, error.begun, tell)
    is_as_asked = stop.requested and ending.runs is False
    return Check(CHARGING, None if is_as_asked else False, what, f"{error}; {ending.said}")


def _clocks(session: Session) -> str:
    """Say how far our clock is off: sessions are told in SteVe's time, but dates are judged by ours."""
    minutes = round(abs(session.clock_ahead) / timedelta(minutes=1))
    if abs(session.clock_ahead) < CLOCKS_AGREE:
        return ""
    which = "ahead of" if session.clock_ahead > timedelta(0) else "behind"
    return f"our clock is {minutes:,} min {which} SteVe's"


def _session_check(test: LiveTest, session: Session, ending: Ending) -> Check:
    """Check that the session shows for the customer, as on their page: ended, with the energy sent."""
    name, found = "session of the customer in SteVe", ending.found
    if found is None:
        return Check(name, False, f"transaction {session.transaction_id}", ending.said)
    energy_wh = found.energy_wh
    stored = "running" if energy_wh is None else f"{energy_wh / 1000:g} kWh stored"
    compared = f"transaction {found.transaction_pk}: {session.energy_wh / 1000:g} kWh sent, {stored}"
    if ending.runs is not False:
        return Check(name, False, compared, ending.said)
    why = _wrong(test, found, session) or ("" if ending.was_stopped_again else _other_times(found, session))
    return Check(name, not why, compared, why or (ending.said if ending.was_stopped_again else ""))


def _wrong(test: LiveTest, found: Transaction, session: Session) -> str:
    """Go by SteVe's number where it is known: it stays the same however the idTag is spelled."""
    number = test.ocpp_tag_pk
    is_theirs = found.ocpp_tag_pk == number if number else folded(found.id_tag) == folded(test.id_tag)
    if not is_theirs:
        there = f"SteVe counts it to its idTag number {found.ocpp_tag_pk}, and ours is {number or 'unknown'}"
        return f"{there}: it does not show for {test.external_id}"
    if found.id_tag != test.id_tag:
        return "it carries another spelling of the idTag, which is billed to nobody"
    return "" if round(found.energy_wh or 0) == session.energy_wh else "the energy is another"


def _other_times(found: Transaction, session: Session) -> str:
    """Compare in SteVe's time, in which all of the session was told."""
    sent, stored = (session.started_at, session.stopped_at), (found.started_at, found.stopped_at)
    is_same = all(kept and abs(kept - told) < SAME_TIME for told, kept in zip(sent, stored, strict=True))
    return "" if is_same else "its times are not those that were sent"

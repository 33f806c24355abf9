"""A charging session with a test idTag, followed from the charge point into Lago.

It writes: a session in SteVe, and through the platform a usage event in Lago, which is billed to the
customer whose idTag it is.
"""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from django.conf import settings

from charging import SteveClient
from charging.charge_point import ChargePointError, Session, charging_session
from customers.backfill.engine.stop import Stop
from customers.backfill.refused import Refused
from customers.backfill.sessions import ChargingSession, sessions_of
from customers.backfill.systems import Systems
from customers.backfill.verify.checks import Check
from customers.backfill.verify.following import Follower
from customers.models import BackfillRun, IdTagMapping, User
from kernel import RemoteError
from kernel.masking import mask_id_tag

ENERGY_WH = 1_000
LONGEST_SESSION_S = 60.0  # the whole talk of the simulated charge point; a real one takes a second
LONGEST_TIMEOUT_S = 86_400


@dataclass(frozen=True, slots=True)
class LiveTest:
    """What is charged with, where, and who pays. `subscription_key` is its external_id in Lago."""

    user: User
    id_tag: str
    is_billed: bool
    subscription_key: str
    charge_box_id: str
    ocpp_url: str
    timeout_s: float
    steve: SteveClient

    @property
    def external_id(self) -> str:
        return self.user.external_id or ""


def find_live_test(
    run: BackfillRun, systems: Systems, id_tag: str | None, charge_box_id: str | None, timeout_s: float
) -> LiveTest | None:
    """Find what a test needs, None where none is asked for; raise Refused. Nothing is written."""
    if not 0 < timeout_s <= LONGEST_TIMEOUT_S:
        raise Refused(f"--timeout must be more than 0 and at most {LONGEST_TIMEOUT_S:,} seconds.")
    if not id_tag and charge_box_id:
        raise Refused("--charge-box is of no use without --id-tag.", "Give both, or none to charge nothing.")
    if not id_tag:
        return None
    steve = _steve_for_tests(systems)
    if not charge_box_id:
        raise Refused("--charge-box is missing.", "Name a charge box that exists in SteVe for tests only.")
    mapping = _mapping(run, id_tag)
    return LiveTest(
        user=mapping.user,
        id_tag=mapping.id_tag,
        is_billed=mapping.is_active,
        subscription_key=mapping.lago_subscription_external_id,
        charge_box_id=charge_box_id,
        ocpp_url=settings.STEVE_OCPP_URL,
        timeout_s=timeout_s,
        steve=steve,
    )


def _steve_for_tests(systems: Systems) -> SteveClient:
    if systems.steve is None:
        hint = "Set STEVE_BASE_URL, STEVE_API_USERNAME and STEVE_API_KEY."
        raise Refused("A test session needs SteVe.", hint)
    if not settings.STEVE_OCPP_URL:
        hint = "It is SteVe's OCPP websocket, such as ws://steve:8180/steve/websocket/CentralSystemService."
        raise Refused("STEVE_OCPP_URL is not set.", hint)
    return systems.steve


def _mapping(run: BackfillRun, id_tag: str) -> IdTagMapping:
    of_run = IdTagMapping.objects.filter(backfill_rows__run=run).select_related("user")
    mapping = of_run.filter(id_tag__iexact=id_tag).first()
    if mapping is None:
        hint = "Take one from the file, of a customer who agreed to the test."
        raise Refused(f"The idTag {mask_id_tag(id_tag)} is not one of the run {run.run_id}.", hint)
    if mapping.id_tag != id_tag:
        hint = "Sessions are billed by exact spelling: type it as the customer's page in the admin has it."
        raise Refused(f"The idTag {mask_id_tag(id_tag)} is spelled otherwise here.", hint)
    return mapping


def run_live_test(
    test: LiveTest, systems: Systems, *, stop: Stop, tell: Callable[[str], None]
) -> Iterator[Check]:
    """Charge and follow the energy, a check at a time; what was written is never left unsaid.

    It ends before it has written anything if the energy would be billed to nobody or to somebody else.
    """
    ready = _subscription_check(test, systems)
    yield ready
    if not ready.passed or stop.requested:
        return
    session, charged = _charge(test)
    yield charged
    if session is None:
        return
    yield _session_check(test, session)
    tell(f"Waiting for the usage event in Lago, for up to {test.timeout_s:,.0f} s …")
    yield Follower(systems.lago, test.subscription_key, session, test.timeout_s, stop).follow()


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


def _charge(test: LiveTest) -> tuple[Session | None, Check]:
    name, what = "charging session", f"{mask_id_tag(test.id_tag)} on {test.charge_box_id}"
    charging = charging_session(
        test.ocpp_url, test.charge_box_id, test.id_tag, energy_wh=ENERGY_WH, timeout_s=LONGEST_SESSION_S
    )
    try:
        session = asyncio.run(charging)
    except ChargePointError as error:
        begun = error.transaction_id
        left = f"; transaction {begun} was begun, look in SteVe whether it still runs" if begun else ""
        return None, Check(name, False, what, f"{error}{left}")
    compared = f"{what}: {session.authorised}, {session.energy_wh:,} Wh, transaction {session.transaction_id}"
    return session, Check(name, True, compared)


def _session_check(test: LiveTest, session: Session) -> Check:
    """Check that the session shows for the customer, as on their page: ended, with the energy sent."""
    name = "session of the customer in SteVe"
    try:
        sessions = sessions_of(test.user, test.steve)
    except RemoteError as error:
        return Check(name, False, f"transaction {session.transaction_id}", str(error))
    found = next((one for one in sessions if one.transaction_pk == session.transaction_id), None)
    if found is None:
        why = f"SteVe shows no such session for the idTags of {test.external_id}"
        return Check(name, False, f"transaction {session.transaction_id}", why)
    stored = "running" if found.energy_kwh is None else f"{found.energy_kwh:g} kWh stored"
    compared = f"transaction {found.transaction_pk}: {session.energy_wh / 1000:g} kWh sent, {stored}"
    why = _wrong(found, session)
    return Check(name, not why, compared, why)


def _wrong(found: ChargingSession, session: Session) -> str:
    if found.is_misspelt:
        return "it carries another spelling of the idTag, which is not billed"
    if found.energy_kwh is None:
        return "it has not ended"
    return "" if round(found.energy_kwh * 1000) == session.energy_wh else "the energy is another"

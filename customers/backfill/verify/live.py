"""A charging session with a test idTag, followed from the charge point into Lago.

It writes: a session in SteVe, and through the platform a usage event in Lago, which is billed to the
customer whose idTag it is.
"""

import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from django.conf import settings

from billing.values import Event
from customers.backfill.options import Refused
from customers.backfill.systems import Systems
from customers.backfill.verify.checks import Check
from customers.charge_point import ChargePointError, Session, charging_session
from customers.models import BackfillRun, IdTagMapping
from customers.steve import SteveClient, Transaction
from polaris_backfill.kernel import RemoteError
from polaris_backfill.masking import mask_id_tag

ENERGY_WH = 1_000
POLL_S = 2.0
TOLERANCE_KWH = Decimal("0.001")  # the platform sends three decimals


@dataclass(frozen=True, slots=True)
class LiveTest:
    """What is charged with, where, and who pays."""

    id_tag: str
    external_id: str
    subscription_external_id: str
    ocpp_tag_pk: int | None
    charge_box_id: str
    ocpp_url: str
    timeout_s: float
    steve: SteveClient


def find_live_test(
    run: BackfillRun, systems: Systems, id_tag: str, charge_box_id: str | None, timeout_s: float
) -> LiveTest:
    """Find what the test needs; raise Refused where something is missing. Nothing is written."""
    if systems.steve is None:
        raise Refused(
            "A test session needs SteVe.", "Set STEVE_BASE_URL, STEVE_API_USERNAME and STEVE_API_KEY."
        )
    if not settings.STEVE_OCPP_URL:
        raise Refused(
            "STEVE_OCPP_URL is not set.",
            "It is SteVe's OCPP websocket, such as ws://steve:8180/steve/websocket/CentralSystemService.",
        )
    if not charge_box_id:
        raise Refused("--charge-box is missing.", "Name a charge box that exists in SteVe for tests only.")
    mapping = (
        IdTagMapping.objects.filter(id_tag=id_tag, backfill_rows__run=run).select_related("user").first()
    )
    if mapping is None:
        raise Refused(
            f"The idTag {mask_id_tag(id_tag)} is not one of the run {run.run_id}.",
            "Take an idTag of a customer in the file who agreed to the test; spelling counts.",
        )
    return LiveTest(
        id_tag=mapping.id_tag,
        external_id=mapping.user.external_id or "",
        subscription_external_id=mapping.lago_subscription_external_id,
        ocpp_tag_pk=mapping.steve_ocpp_tag_pk,
        charge_box_id=charge_box_id,
        ocpp_url=settings.STEVE_OCPP_URL,
        timeout_s=timeout_s,
        steve=systems.steve,
    )


def run_live_test(
    test: LiveTest, systems: Systems, *, sleep: Callable[[float], None] = time.sleep
) -> Iterator[Check]:
    """Charge and follow the energy, a check at a time; it ends at the first that does not pass."""
    ready = _billing_check(test, systems)
    yield ready
    if not ready.passed:
        return
    try:
        session = asyncio.run(
            charging_session(
                test.ocpp_url, test.charge_box_id, test.id_tag, energy_wh=ENERGY_WH, timeout_s=test.timeout_s
            )
        )
    except ChargePointError as error:
        yield Check(
            "charging session", False, f"{mask_id_tag(test.id_tag)} on {test.charge_box_id}", str(error)
        )
        return
    yield _charged(test, session)
    found = _find_transaction(test, session)
    yield _transaction_check(test, session, found)
    if found is not None:
        yield _event_check(test, systems, session, sleep)


def _billing_check(test: LiveTest, systems: Systems) -> Check:
    """Prove who pays before anything is written: events name only the subscription."""
    name, key = "subscription of the idTag", test.subscription_external_id
    mapping = IdTagMapping.objects.filter(id_tag=test.id_tag).first()
    if mapping is None or not mapping.is_active or not key:
        return Check(
            name, False, f"mapping of {mask_id_tag(test.id_tag)}", "it is not active, so nothing is billed"
        )
    active = systems.lago.subscription(key)
    if active is not None:
        owner = active.external_customer_id
        passed = owner == test.external_id
        return Check(
            name, passed, f"{key} belongs to {owner}, the idTag to {test.external_id}",
            "" if passed else "sessions would be billed to another customer",
        )  # fmt: skip
    pending = systems.lago.subscription(key, status="pending")
    why = (
        "it is pending: nothing is billed yet" if pending else "Lago has no active subscription of this name"
    )
    return Check(name, False, f"{key} of {test.external_id}", why)


def _charged(test: LiveTest, session: Session) -> Check:
    energy = session.meter_stop_wh - session.meter_start_wh
    return Check(
        "charging session",
        session.authorised == "Accepted",
        f"{mask_id_tag(test.id_tag)} on {test.charge_box_id}: {session.authorised}, {energy:,} Wh",
    )


def _find_transaction(test: LiveTest, session: Session) -> Transaction | None:
    sessions = test.steve.transactions(since=session.started_at, charge_box_id=test.charge_box_id)
    return next((s for s in sessions if s.transaction_pk == session.transaction_id), None)


def _transaction_check(test: LiveTest, session: Session, found: Transaction | None) -> Check:
    """Check that SteVe has the session, ended, with this energy, and that it shows for the customer."""
    name, sent = "session in SteVe", session.meter_stop_wh - session.meter_start_wh
    if found is None:
        return Check(name, False, f"transaction {session.transaction_id}", "SteVe does not have it")
    shows = found.ocpp_tag_pk == test.ocpp_tag_pk
    why = [
        "" if found.id_tag == test.id_tag else "it carries another idTag",
        "" if shows else f"it does not show for {test.external_id}: the mapping has another ocppTagPk",
        "" if found.energy_wh == sent else f"the energy is {_wh(found)}",
    ]
    reason = "; ".join(filter(None, why))
    compared = f"transaction {found.transaction_pk}: {sent:,} Wh sent, {_wh(found)} stored"
    return Check(name, not reason, compared, reason)


def _wh(found: Transaction) -> str:
    return "no energy" if found.energy_wh is None else f"{found.energy_wh:,.0f} Wh"


def _event_check(test: LiveTest, systems: Systems, session: Session, sleep: Callable[[float], None]) -> Check:
    """Wait for the platform's usage event on the customer's subscription; its sync may take minutes."""
    name = "usage event in Lago"
    sent = Decimal(session.meter_stop_wh - session.meter_start_wh) / 1000
    deadline = time.monotonic() + test.timeout_s
    received: list[Event] = []
    while time.monotonic() < deadline:
        received = _events_of(test, systems, session)
        if any(event.transaction_id.endswith("_final") for event in received) or _energy(received) == sent:
            break
        sleep(POLL_S)
    there = f"{_energy(received)} kWh in {len(received)} events on {test.subscription_external_id}"
    compared = f"{sent} kWh sent, {there}"
    return Check(name, *_judged(test, systems, session, received, sent, compared))


def _events_of(test: LiveTest, systems: Systems, session: Session) -> list[Event]:
    prefix = f"steve_tx_{session.transaction_id}_"
    return [
        e for e in systems.lago.events(test.subscription_external_id) if e.transaction_id.startswith(prefix)
    ]


def _energy(events: list[Event]) -> Decimal:
    try:
        return sum((Decimal(str(event.properties.get("value", "0"))) for event in events), Decimal(0))
    except InvalidOperation:
        return Decimal(0)


def _judged(
    test: LiveTest, systems: Systems, session: Session, received: list[Event], sent: Decimal, compared: str
) -> tuple[bool, str, str]:
    if not received:
        return False, compared, _where_else(systems, session)
    codes = {event.code for event in received}
    if codes != {settings.LAGO_METRIC_CODE}:
        return False, compared, f"the events are for the metric {', '.join(sorted(codes))}"
    if abs(_energy(received) - sent) > TOLERANCE_KWH:
        return False, compared, "the energy is not what was sent"
    return True, compared, ""


def _where_else(systems: Systems, session: Session) -> str:
    """Tell an event that went astray from one that never came."""
    try:
        stray = systems.lago.event(f"steve_tx_{session.transaction_id}_final")
    except RemoteError:
        stray = None
    if stray is None:
        return "no event came; look at the platform's sync, or wait longer with --timeout"
    return f"the event went to another subscription: {stray.external_subscription_id}"

"""A simulated charge point: one charging session over OCPP 1.6J, as a real charger would have it."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, TypeVar

from ocpp.exceptions import OCPPError
from ocpp.v16 import ChargePoint, call
from ocpp.v16.enums import (
    AuthorizationStatus,
    ChargePointErrorCode,
    ChargePointStatus,
    Measurand,
    Reason,
    RegistrationStatus,
    UnitOfMeasure,
)
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from charging.ocpp_door import SILENT, opened
from charging.ocpp_session import Begun, ChargePointError, Session
from charging.steve_clock import SteveClock, instant, text
from kernel.masking import mask_id_tag

__all__ = ["Begun", "ChargePointError", "Session", "charging_session", "stop_session"]

CONNECTOR_ID = 1
STARTED_METER_WH = 0
LOOK_S = 0.1  # how often it is asked whether to break off
GRACE_S = 5.0  # a session that is to be broken off may end by itself in this time

Told = TypeVar("Told")


async def charging_session(
    ocpp_url: str,
    charge_box_id: str,
    id_tag: str,
    *,
    energy_wh: int,
    password: str = "",
    timeout_s: float = 30.0,
    break_off: Callable[[], bool] = lambda: False,
) -> Session:
    """Boot, authorise, start, send meter values and stop, within `timeout_s`; raise ChargePointError.

    It writes: the management system keeps the session and bills it. `ocpp_url` comes without the charge box.
    SteVe answers a stop in the same way whether it ends the session or not: look there afterwards.
    """
    charger = Charger(charge_box_id, id_tag, break_off)
    return await charger.within(
        timeout_s, ocpp_url, password, lambda charge_point: charger.talk(charge_point, energy_wh)
    )


async def stop_session(
    ocpp_url: str,
    charge_box_id: str,
    id_tag: str,
    *,
    transaction_id: int,
    started_at: datetime,
    meter_wh: int,
    password: str = "",
    timeout_s: float = 30.0,
) -> None:
    """Connect anew and stop a session that was left running; raise ChargePointError.

    `id_tag` and `started_at` are as SteVe has them: it ends none before its start or for another spelling.
    """
    charger = Charger(charge_box_id, id_tag)
    charger.begun = Begun(transaction_id, started_at, meter_wh)
    await charger.within(timeout_s, ocpp_url, password, charger.only_stop)


class Charger:
    """One charge point with one car: what is said in which order, and how far it came."""

    def __init__(
        self, charge_box_id: str, id_tag: str, break_off: Callable[[], bool] = lambda: False
    ) -> None:
        self._charge_box_id = charge_box_id
        self._id_tag = id_tag
        self._break_off = break_off
        self._clock: SteveClock | None = None
        self.begun: Begun | None = None

    def failed(self, code: str, message: str, status: str = "") -> ChargePointError:
        """Return the error, which says so if a session may be left running."""
        return ChargePointError(code, message, status=status, begun=self.begun)

    async def within(
        self, timeout_s: float, ocpp_url: str, password: str, talk: Callable[[Any], Awaitable[Told]]
    ) -> Told:
        """Connect and talk; turn whatever ends it early into a ChargePointError."""
        try:
            async with (
                asyncio.timeout(timeout_s),
                opened(ocpp_url, self._charge_box_id, password) as connection,
            ):
                return await self._converse(connection, timeout_s, talk)
        except TimeoutError:
            raise self.failed("ocpp_timeout", f"SteVe did not answer within {timeout_s:g} s") from None
        except ConnectionClosed:
            raise self.failed("ocpp_unexpected", "SteVe closed the connection in the middle") from None
        except OCPPError as error:
            message = f"SteVe answered a message with an error ({type(error).__name__})"
            raise self.failed("ocpp_unexpected", message) from None

    async def _converse(
        self, connection: ClientConnection, timeout_s: float, talk: Callable[[Any], Awaitable[Told]]
    ) -> Told:
        """Talk until all is said, the connection ends, or it is to be broken off."""
        charge_point = ChargePoint(self._charge_box_id, connection, response_timeout=timeout_s, logger=SILENT)
        talking = asyncio.ensure_future(talk(charge_point))
        listening = asyncio.create_task(charge_point.start())
        heeding = asyncio.create_task(self._until_broken_off())
        try:
            await asyncio.wait({listening, talking, heeding}, return_when=asyncio.FIRST_COMPLETED)
            if not talking.done():
                if heeding.done():
                    raise self.failed("ocpp_interrupted", "The charging session was broken off")
                listening.result()  # raises why the connection ended, which would be waited out otherwise
            return await talking
        finally:
            for task in (listening, talking, heeding):
                task.cancel()
            await asyncio.gather(listening, talking, heeding, return_exceptions=True)

    async def _until_broken_off(self) -> None:
        while not self._break_off():
            await asyncio.sleep(LOOK_S)
        await asyncio.sleep(GRACE_S)

    # --- What is said --------------------------------------------------------------------------------

    async def talk(self, charge_point: Any, energy_wh: int) -> Session:
        clock = await self._boot(charge_point)
        await _status(charge_point, ChargePointStatus.available)
        await self._authorise(charge_point)
        begun = await self._start(charge_point, clock)
        await _status(charge_point, ChargePointStatus.charging)
        for share in (0.5, 1.0):
            begun = await self._meter(charge_point, begun, STARTED_METER_WH + round(energy_wh * share), clock)
        stopped_at = await self._stop(charge_point, begun, Reason.local, clock)
        await _status(charge_point, ChargePointStatus.available)
        return Session(
            transaction_id=begun.transaction_id or 0,
            authorised=AuthorizationStatus.accepted.value,
            meter_start_wh=STARTED_METER_WH,
            meter_stop_wh=begun.meter_wh,
            started_at=begun.started_at,
            stopped_at=stopped_at,
            clock_ahead=clock.ours_ahead,
        )

    async def only_stop(self, charge_point: Any) -> None:
        clock = await self._boot(charge_point)
        if self.begun:
            await self._stop(charge_point, self.begun, Reason.other, clock)
        await _status(charge_point, ChargePointStatus.available)

    async def _boot(self, charge_point: Any) -> SteveClock:
        """Say hello, and take over SteVe's clock."""
        boot = call.BootNotification(charge_point_model="Verify", charge_point_vendor="Polaris Backfill")
        answer = await _call(charge_point, boot)
        if answer.status != RegistrationStatus.accepted:
            message = (
                f"SteVe does not accept the charge box {self._charge_box_id}: its registration status there"
                f" is {answer.status}; set it to Accepted"
            )
            raise self.failed("charge_box_not_accepted", message)
        try:
            return SteveClock(instant(answer.current_time))
        except ValueError:
            raise self.failed(
                "ocpp_unexpected", "SteVe did not tell the time when the charge box booted"
            ) from None

    async def _authorise(self, charge_point: Any) -> None:
        answer = await _call(charge_point, call.Authorize(id_tag=self._id_tag))
        self._require_accepted(answer.id_tag_info["status"])

    async def _start(self, charge_point: Any, clock: SteveClock) -> Begun:
        started_at = clock.now()
        # From here on SteVe may have a session, even if its answer never comes.
        self.begun = Begun(None, started_at, STARTED_METER_WH)
        start = call.StartTransaction(CONNECTOR_ID, self._id_tag, STARTED_METER_WH, text(started_at))
        answer = await _call(charge_point, start)
        self.begun = begun = Begun(answer.transaction_id, started_at, STARTED_METER_WH)
        status = answer.id_tag_info["status"]
        if status != AuthorizationStatus.accepted:
            # The system has begun a session all the same: it must not stay open.
            await self._stop(charge_point, begun, Reason.de_authorized, clock)
        self._require_accepted(status)
        return begun

    async def _meter(self, charge_point: Any, begun: Begun, meter_wh: int, clock: SteveClock) -> Begun:
        self.begun = Begun(begun.transaction_id, begun.started_at, meter_wh)
        await _call(charge_point, _meter_values(self.begun, clock.now()))
        return self.begun

    async def _stop(self, charge_point: Any, begun: Begun, reason: Reason, clock: SteveClock) -> datetime:
        stopped_at = max(clock.now(), begun.started_at)
        stop = call.StopTransaction(
            meter_stop=begun.meter_wh,
            timestamp=text(stopped_at),
            transaction_id=begun.transaction_id or 0,
            reason=reason,
            id_tag=self._id_tag,
        )
        await _call(charge_point, stop)
        return stopped_at

    def _require_accepted(self, status: str) -> None:
        if status != AuthorizationStatus.accepted:
            message = f"SteVe refuses the idTag {mask_id_tag(self._id_tag)}: {status}"
            raise self.failed("id_tag_refused", message, status)


async def _call(charge_point: Any, payload: Any) -> Any:
    return await charge_point.call(payload, suppress=False)


async def _status(charge_point: Any, status: ChargePointStatus) -> None:
    payload = call.StatusNotification(CONNECTOR_ID, ChargePointErrorCode.no_error, status)
    await _call(charge_point, payload)


def _meter_values(begun: Begun, at: datetime) -> Any:
    sample = {
        "value": str(begun.meter_wh),
        "measurand": Measurand.energy_active_import_register,
        "unit": UnitOfMeasure.wh,
    }
    values = [{"timestamp": text(at), "sampled_value": [sample]}]
    return call.MeterValues(CONNECTOR_ID, values, begun.transaction_id)

"""A simulated charge point: one charging session over OCPP 1.6J, as a real charger would have it."""

import asyncio
import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

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
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI
from websockets.typing import Subprotocol

from kernel.masking import mask_id_tag

OCPP_16J = Subprotocol("ocpp1.6")
CONNECTOR_ID = 1
STARTED_METER_WH = 0

# The library logs whole messages, and so idTags.
SILENT = logging.getLogger("charging.charge_point.messages")
SILENT.disabled = True
# The time-out of the whole session bounds the opening too.
CONNECTION: dict[str, Any] = {"open_timeout": None, "close_timeout": 2.0, "logger": SILENT}


class ChargePointError(Exception):
    """A session that did not take place as it should; `str(error)` is safe to show.

    `code`: `ocpp_unreachable`, `charge_box_unknown`, `id_tag_refused` (`status` says how, in OCPP's words),
    `ocpp_timeout`, `ocpp_unexpected`. `transaction_id` is set if a session had begun by then.
    """

    def __init__(
        self, code: str, message: str, *, status: str = "", transaction_id: int | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.status = status
        self.transaction_id = transaction_id


@dataclass(frozen=True, slots=True)
class Session:
    """A session that took place; `authorised` is OCPP's word for the decision."""

    transaction_id: int
    authorised: str
    meter_start_wh: int
    meter_stop_wh: int
    started_at: datetime
    stopped_at: datetime

    @property
    def energy_wh(self) -> int:
        return self.meter_stop_wh - self.meter_start_wh


async def charging_session(
    ocpp_url: str, charge_box_id: str, id_tag: str, *, energy_wh: int, timeout_s: float = 30.0
) -> Session:
    """Boot, authorise, start, send meter values and stop, within `timeout_s`; raise ChargePointError.

    It writes: the management system keeps the session and bills it. `ocpp_url` comes without the charge box.
    """
    url = f"{ocpp_url.rstrip('/')}/{quote(charge_box_id, safe='')}"
    charger = Charger(charge_box_id, id_tag, energy_wh)
    try:
        async with (
            asyncio.timeout(timeout_s),
            connect(url, subprotocols=[OCPP_16J], **CONNECTION) as connection,
        ):
            return await charger.charge(connection)
    except TimeoutError:
        raise charger.failed("ocpp_timeout", f"SteVe did not answer within {timeout_s:g} s") from None
    except InvalidStatus as error:
        raise _turned_away(error.response.status_code, charge_box_id) from None
    except (OSError, InvalidURI) as error:
        message = f"SteVe's OCPP endpoint cannot be reached ({type(error).__name__}): check STEVE_OCPP_URL"
        raise charger.failed("ocpp_unreachable", message) from None
    except InvalidHandshake as error:
        message = f"There is no OCPP 1.6J behind STEVE_OCPP_URL ({type(error).__name__})"
        raise charger.failed("ocpp_unexpected", message) from None
    except ConnectionClosed:
        raise charger.failed("ocpp_unexpected", "SteVe closed the connection in the middle") from None
    except OCPPError as error:
        message = f"SteVe answered a message with an error ({type(error).__name__})"
        raise charger.failed("ocpp_unexpected", message) from None


class Charger:
    """One charge point with one car: what is said in which order, and how far it came."""

    def __init__(self, charge_box_id: str, id_tag: str, energy_wh: int) -> None:
        self._charge_box_id = charge_box_id
        self._id_tag = id_tag
        self._energy_wh = energy_wh
        self._transaction_id: int | None = None

    def failed(self, code: str, message: str, status: str = "") -> ChargePointError:
        """Return the error, which says so if a session is left running."""
        return ChargePointError(code, message, status=status, transaction_id=self._transaction_id)

    async def charge(self, connection: ClientConnection) -> Session:
        """Talk until all is said, or the connection ends."""
        charge_point = ChargePoint(self._charge_box_id, connection, logger=SILENT)
        listening = asyncio.create_task(charge_point.start())
        talking = asyncio.create_task(self._talk(charge_point))
        try:
            await asyncio.wait({listening, talking}, return_when=asyncio.FIRST_COMPLETED)
            if not talking.done():
                listening.result()  # raises why the connection ended, which would be waited out otherwise
            return await talking
        finally:
            listening.cancel()
            talking.cancel()
            await asyncio.gather(listening, talking, return_exceptions=True)

    async def _talk(self, charge_point: Any) -> Session:
        await self._boot(charge_point)
        await self._authorise(charge_point)
        started_at = _now()
        await self._start(charge_point, started_at)
        await _status(charge_point, ChargePointStatus.charging)
        for share in (0.5, 1.0):
            meter_wh = STARTED_METER_WH + round(self._energy_wh * share)
            await _call(charge_point, _meter_values(self._transaction_id, meter_wh))
        stopped_at = await self._stop(charge_point, self._energy_wh, Reason.local)
        await _status(charge_point, ChargePointStatus.available)
        return Session(
            transaction_id=self._transaction_id or 0,
            authorised=AuthorizationStatus.accepted.value,
            meter_start_wh=STARTED_METER_WH,
            meter_stop_wh=STARTED_METER_WH + self._energy_wh,
            started_at=started_at,
            stopped_at=stopped_at,
        )

    async def _boot(self, charge_point: Any) -> None:
        boot = call.BootNotification(charge_point_model="Verify", charge_point_vendor="Polaris Backfill")
        answer = await _call(charge_point, boot)
        if answer.status != RegistrationStatus.accepted:
            message = f"SteVe does not accept the charge box (boot: {answer.status})"
            raise self.failed("ocpp_unexpected", message)
        await _status(charge_point, ChargePointStatus.available)

    async def _authorise(self, charge_point: Any) -> None:
        answer = await _call(charge_point, call.Authorize(id_tag=self._id_tag))
        self._require_accepted(answer.id_tag_info["status"])

    async def _start(self, charge_point: Any, started_at: datetime) -> None:
        start = call.StartTransaction(CONNECTOR_ID, self._id_tag, STARTED_METER_WH, _text(started_at))
        answer = await _call(charge_point, start)
        self._transaction_id = answer.transaction_id
        status = answer.id_tag_info["status"]
        if status != AuthorizationStatus.accepted:
            # The system has begun a session all the same: it must not stay open.
            await self._stop(charge_point, 0, Reason.de_authorized)
        self._require_accepted(status)

    async def _stop(self, charge_point: Any, energy_wh: int, reason: Reason) -> datetime:
        stopped_at = _now()
        stop = call.StopTransaction(
            meter_stop=STARTED_METER_WH + energy_wh,
            timestamp=_text(stopped_at),
            transaction_id=self._transaction_id or 0,
            reason=reason,
            id_tag=self._id_tag,
        )
        await _call(charge_point, stop)
        return stopped_at

    def _require_accepted(self, status: str) -> None:
        if status != AuthorizationStatus.accepted:
            message = f"SteVe refuses the idTag {mask_id_tag(self._id_tag)}: {status}"
            raise self.failed("id_tag_refused", message, status)


def _turned_away(http_status: int, charge_box_id: str) -> ChargePointError:
    if http_status == 404:
        message = f"SteVe does not know the charge box {charge_box_id}: create it there first"
        return ChargePointError("charge_box_unknown", message)
    message = f"SteVe turned the charge box away (HTTP {http_status})"
    return ChargePointError("ocpp_unexpected", message)


async def _call(charge_point: Any, payload: Any) -> Any:
    return await charge_point.call(payload, suppress=False)


async def _status(charge_point: Any, status: ChargePointStatus) -> None:
    payload = call.StatusNotification(CONNECTOR_ID, ChargePointErrorCode.no_error, status)
    await _call(charge_point, payload)


def _meter_values(transaction_id: int | None, meter_wh: int) -> Any:
    sample = {
        "value": str(meter_wh),
        "measurand": Measurand.energy_active_import_register,
        "unit": UnitOfMeasure.wh,
    }
    values = [{"timestamp": _text(_now()), "sampled_value": [sample]}]
    return call.MeterValues(CONNECTOR_ID, values, transaction_id)


def _now() -> datetime:
    """Return the time in milliseconds, so that it can be compared with what SteVe keeps of it."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


def _text(instant: datetime) -> str:
    return instant.isoformat(timespec="milliseconds").replace("+00:00", "Z")

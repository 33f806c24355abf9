"""The stand-in's OCPP 1.6J side: what a charge point may ask SteVe, and what SteVe answers."""

import logging
import uuid
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, TypeVar

from ocpp.exceptions import FormatViolationError
from ocpp.messages import Call
from ocpp.routing import on
from ocpp.v16 import ChargePoint, call_result
from ocpp.v16.enums import Action

from rehearsal.steve.tables import ChargeBox, Session, instant, iso
from rehearsal.steve.versions import V3_12
from rehearsal.steve.world import World

HEARTBEAT_INTERVAL_S = 14_400
ENERGY = "Energy.Active.Import.Register"
GOOD_FOR = timedelta(hours=1)  # a decision, where the idTag has no end of its own
LONGEST_ID_TAG = 20

# The library logs whole messages, and so idTags.
SILENT = logging.getLogger("rehearsal.steve.ocpp")
SILENT.disabled = True

Told = Callable[[Session], None]
Handler = TypeVar("Handler", bound=Callable[..., object])


def _on(action: Action, *, any_id_tag: bool = False) -> Callable[[Handler], Handler]:
    """Add types to the library's decorator, which has none. `any_id_tag`: do not check the message's form."""
    decorator: Callable[[Handler], Handler] = on(action, skip_schema_validation=any_id_tag)
    return decorator


class CentralSystem(ChargePoint):  # type: ignore[misc]  # the library has no types
    """One charge point's connection. `metered` and `stopped` hear of its sessions and must not block."""

    def __init__(
        self, charge_box: ChargeBox, connection: Any, world: World, *, metered: Told, stopped: Told
    ) -> None:
        super().__init__(charge_box.charge_box_id, connection, logger=SILENT)
        self._charge_box = charge_box
        self._connection = connection
        self._world = world
        self._metered = metered
        self._stopped = stopped

    async def converse(self) -> None:
        """Ask for the configuration at once, wait for no answer, and answer until the connection ends."""
        asked = Call(unique_id=str(uuid.uuid4()), action=Action.get_configuration.value, payload={})
        await self._connection.send(asked.to_json())
        await self.start()

    @_on(Action.boot_notification)
    def on_boot(self, **_: Any) -> Any:
        return call_result.BootNotification(
            current_time=str(iso(self._world.now())),
            interval=HEARTBEAT_INTERVAL_S,
            status=self._charge_box.registration,
        )

    @_on(Action.heartbeat)
    def on_heartbeat(self) -> Any:
        return call_result.Heartbeat(current_time=str(iso(self._world.now())))

    @_on(Action.status_notification)
    def on_status(self, **_: Any) -> Any:
        return call_result.StatusNotification()

    @_on(Action.authorize, any_id_tag=True)
    def on_authorize(self, id_tag: str) -> Any:
        self._require_length(id_tag)
        return call_result.Authorize(self._info(id_tag, self._world.authorise(id_tag)))

    @_on(Action.start_transaction, any_id_tag=True)
    def on_start(self, connector_id: int, id_tag: str, meter_start: int, timestamp: str, **_: Any) -> Any:
        self._require_length(id_tag)
        session, status = self._world.start(self.id, connector_id, id_tag, meter_start, instant(timestamp))
        return call_result.StartTransaction(session.pk, self._info(id_tag, status))

    @_on(Action.meter_values)
    def on_meter_values(
        self, connector_id: int, meter_value: Sequence[dict[str, Any]], transaction_id: int | None = None
    ) -> Any:
        told = [
            (sample["timestamp"], _energy_wh(value))
            for sample in meter_value
            for value in sample["sampled_value"]
        ]
        session = None
        for timestamp, energy_wh in told:
            if energy_wh is not None:
                session = self._world.metered(transaction_id or 0, energy_wh, instant(timestamp))
        if session is not None:
            self._metered(session)
        return call_result.MeterValues()

    @_on(Action.stop_transaction)
    def on_stop(
        self,
        meter_stop: int,
        timestamp: str,
        transaction_id: int,
        reason: str | None = None,
        id_tag: str | None = None,
        **_: Any,
    ) -> Any:
        """Answer as if it had stopped, in any case."""
        session = self._world.told_to_stop(
            self.id, transaction_id, meter_stop, instant(timestamp), reason=reason, id_tag=id_tag
        )
        if session is None:
            return call_result.StopTransaction()
        self._stopped(session)
        info = None if id_tag is None else self._info(id_tag, self._world.authorise(id_tag))
        return call_result.StopTransaction(info)

    def _require_length(self, id_tag: str) -> None:
        """Answer an idTag that is too long with an error; before 3.12 it is one that nobody knows."""
        if len(id_tag) > LONGEST_ID_TAG and self._world.version >= V3_12:
            raise FormatViolationError(details={"cause": "idTag"})

    def _info(self, id_tag: str, status: str) -> dict[str, Any]:
        tag = self._world.tag(id_tag)
        if tag is None or status == "Invalid":
            return {"status": status}
        expiry_date = tag.expiry_date or self._world.now() + GOOD_FOR
        return {"status": status, "parent_id_tag": tag.parent_id_tag, "expiry_date": iso(expiry_date)}


def _energy_wh(value: dict[str, Any]) -> int | None:
    """Read an energy register; None for a sample of anything else."""
    if value.get("measurand", ENERGY) != ENERGY:
        return None
    return round(float(value["value"]) * (1000 if value.get("unit") == "kWh" else 1))

"""The stand-in's OCPP 1.6J side: what a charge point may ask SteVe, and what SteVe answers."""

import logging
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from ocpp.routing import on
from ocpp.v16 import ChargePoint, call_result
from ocpp.v16.enums import Action, RegistrationStatus

from rehearsal.steve.tables import Session, instant, iso
from rehearsal.steve.world import World

HEARTBEAT_INTERVAL_S = 14_400
ENERGY = "Energy.Active.Import.Register"

# The library logs whole messages, and so idTags.
SILENT = logging.getLogger("rehearsal.steve.ocpp")
SILENT.disabled = True

Told = Callable[[Session], None]
Handler = TypeVar("Handler", bound=Callable[..., object])


def _on(action: Action) -> Callable[[Handler], Handler]:
    """Add types to the library's decorator, which has none."""
    decorator: Callable[[Handler], Handler] = on(action)
    return decorator


class CentralSystem(ChargePoint):  # type: ignore[misc]  # the library has no types
    """One charge point's connection. `metered` and `stopped` hear of its sessions and must not block."""

    def __init__(
        self, charge_box_id: str, connection: Any, world: World, *, metered: Told, stopped: Told
    ) -> None:
        super().__init__(charge_box_id, connection, logger=SILENT)
        self._world = world
        self._metered = metered
        self._stopped = stopped

    @_on(Action.boot_notification)
    def on_boot(self, **_: Any) -> Any:
        return call_result.BootNotification(
            current_time=str(iso(self._world.now())),
            interval=HEARTBEAT_INTERVAL_S,
            status=RegistrationStatus.accepted,
        )

    @_on(Action.heartbeat)
    def on_heartbeat(self) -> Any:
        return call_result.Heartbeat(current_time=str(iso(self._world.now())))

    @_on(Action.status_notification)
    def on_status(self, **_: Any) -> Any:
        return call_result.StatusNotification()

    @_on(Action.authorize)
    def on_authorize(self, id_tag: str) -> Any:
        return call_result.Authorize(self._info(id_tag, self._world.authorise(id_tag)))

    @_on(Action.start_transaction)
    def on_start(self, connector_id: int, id_tag: str, meter_start: int, timestamp: str, **_: Any) -> Any:
        session, status = self._world.start(self.id, connector_id, id_tag, meter_start, instant(timestamp))
        return call_result.StartTransaction(session.pk, self._info(id_tag, status))

    @_on(Action.meter_values)
    def on_meter_values(
        self, connector_id: int, meter_value: Sequence[dict[str, Any]], transaction_id: int | None = None
    ) -> Any:
        session = self._world.sessions.get(transaction_id or 0)
        energies_wh = [_energy_wh(value) for sample in meter_value for value in sample["sampled_value"]]
        known = [energy for energy in energies_wh if energy is not None]
        if session is not None and known:
            session.meter_wh = known[-1]
            self._metered(session)
        return call_result.MeterValues()

    @_on(Action.stop_transaction)
    def on_stop(
        self, meter_stop: int, timestamp: str, transaction_id: int, reason: str | None = None, **_: Any
    ) -> Any:
        session = self._world.stop(transaction_id, meter_stop, instant(timestamp), reason)
        if session is not None:
            self._stopped(session)
        return call_result.StopTransaction()

    def _info(self, id_tag: str, status: str) -> dict[str, Any]:
        tag = self._world.tag(id_tag)
        parent = tag.parent_id_tag if tag else None
        expiry_date = iso(tag.expiry_date) if tag else None
        return {"status": status, "parent_id_tag": parent, "expiry_date": expiry_date}


def _energy_wh(value: dict[str, Any]) -> int | None:
    """Read an energy register; None for a sample of anything else."""
    if value.get("measurand", ENERGY) != ENERGY:
        return None
    return round(float(value["value"]) * (1000 if value.get("unit") == "kWh" else 1))

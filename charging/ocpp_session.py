"""What a simulated charge point tells: of a session, of one that was only begun, of what went wrong."""

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Session:
    """A session that took place; `authorised` is OCPP's word for the decision.

    Its times are SteVe's. `clock_ahead` is how far our clock was ahead of SteVe's; negative if it was behind.
    """

    transaction_id: int
    authorised: str
    meter_start_wh: int
    meter_stop_wh: int
    started_at: datetime
    stopped_at: datetime
    clock_ahead: timedelta = timedelta(0)

    @property
    def energy_wh(self) -> int:
        return self.meter_stop_wh - self.meter_start_wh

    @property
    def begun(self) -> "Begun":
        return Begun(self.transaction_id, self.started_at, self.meter_stop_wh)


@dataclass(frozen=True, slots=True)
class Begun:
    """A session that SteVe was asked to begin: `transaction_id` is None where the answer never came.

    `started_at` is the start as it was told to SteVe, in SteVe's time; `meter_wh` the last value told.
    """

    transaction_id: int | None
    started_at: datetime
    meter_wh: int


class ChargePointError(Exception):
    """A session that did not take place as it should; `str(error)` is safe to show.

    `code`: `ocpp_unreachable`, `ocpp_address` (something else answers there), `charge_box_unknown` (or the
    address has another path), `charge_box_password`, `charge_box_not_accepted`, `id_tag_refused` (`status`
    says how, in OCPP's words), `ocpp_timeout`, `ocpp_interrupted`, `ocpp_unexpected`. `begun` is set if a
    session was begun, or may have been.
    """

    def __init__(self, code: str, message: str, *, status: str = "", begun: Begun | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.status = status
        self.begun = begun

    @property
    def transaction_id(self) -> int | None:
        return self.begun.transaction_id if self.begun else None

"""SteVe's stand-in as an object, with a second port for the charge points."""

import socket
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from rehearsal.stand_in.messages import Json
from rehearsal.stand_in.stand_in import StandIn
from rehearsal.steve.charge_points import ChargePoints
from rehearsal.steve.control import Steve, controls
from rehearsal.steve.cost import Cost
from rehearsal.steve.door import OCPP_PATH
from rehearsal.steve.exchange import SteveExchange
from rehearsal.steve.logins import KEY_HEADER, Logins
from rehearsal.steve.usage import Usage
from rehearsal.steve.versions import NEWEST, Version
from rehearsal.steve.world import World

SANDBOX_USERNAME = "sandbox"
SANDBOX_KEY = "steve-sandbox-key"  # well known: it opens nothing but a sandbox


class SteveSandbox(StandIn):
    """A SteVe of one's own: `with SteveSandbox(charge_boxes=["TEST-1"]) as steve: … steve.url, steve.key`.

    `version` is one of `versions.TRIED`. `clock_offset_s` puts its clock ahead of `now`, or behind.
    `cost_factor` lets calls cost what they cost a real one (1), a share of it, or nothing (0).
    `charge_box_passwords` are by charge box, and add those that are not in `charge_boxes`.
    With `lago_url` and `lago_key` it sends usage of the idTags in `mapping` (idTag → external_id of the
    subscription, by exact spelling), or of those that `subscription_of` knows.
    """

    name = "SteVe"

    def __init__(
        self,
        *,
        lago_url: str = "",
        lago_key: str = "",
        metric_code: str = "ev_charging_kwh",
        charge_boxes: Iterable[str] = (),
        charge_box_passwords: Mapping[str, str] | None = None,
        mapping: Mapping[str, str] | None = None,
        subscription_of: Callable[[str], str | None] | None = None,
        username: str = SANDBOX_USERNAME,
        key: str = SANDBOX_KEY,
        key_header: str = KEY_HEADER,
        version: str = NEWEST,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        clock_offset_s: float = 0.0,
        cost_factor: float = 0.0,
        host: str = "127.0.0.1",
        port: int = 0,
        ocpp_port: int = 0,
    ) -> None:
        self.username, self.key = username, key
        self.version = Version.parse(version)
        self.world = World(now, self.version)
        self.world.offset = timedelta(seconds=clock_offset_s)
        self.ocpp_port = ocpp_port
        rules = dict(mapping or {})
        usage = Usage(lago_url.rstrip("/"), lago_key, metric_code, subscription_of or rules.get)
        logins = Logins(self.version, self.world.now, username, key, key_header)
        exchange = SteveExchange(self.world, logins, Cost(self.version, cost_factor))
        own = controls(Steve(self.world, exchange, usage, rules))
        super().__init__(exchange, own, host=host, port=port, lock=self.world.lock)
        self._charge_points = ChargePoints(self.world, usage)
        for charge_box_id in charge_boxes:
            self.world.add_charge_box(charge_box_id)
        for charge_box_id, password in (charge_box_passwords or {}).items():
            self.world.add_charge_box(charge_box_id, password=password)

    @property
    def url(self) -> str:
        """The base, as STEVE_BASE_URL wants it."""
        return f"http://{self.host}:{self.port}/steve"

    @property
    def ocpp_url(self) -> str:
        """The websocket without charge box, as STEVE_OCPP_URL wants it."""
        return f"ws://{self.host}:{self.ocpp_port}{OCPP_PATH}"

    def variables(self) -> Mapping[str, str]:
        return {
            "STEVE_BASE_URL": self.url,
            "STEVE_OCPP_URL": self.ocpp_url,
            "STEVE_API_USERNAME": self.username,
            "STEVE_API_KEY": self.key,
        }

    def listen(self) -> socket.socket:
        """Open both sockets, or none."""
        ocpp = socket.create_server((self.host, self.ocpp_port))
        try:
            rest = super().listen()
        except (OSError, OverflowError):
            ocpp.close()
            raise
        self.ocpp_port = ocpp.getsockname()[1]
        self._ocpp = ocpp
        return rest

    @asynccontextmanager
    async def beside(self) -> AsyncIterator[None]:
        async with self._charge_points.served(self._ocpp):
            yield

    def state(self) -> Json:
        """Return charge_boxes, id_tags, transactions, events, skipped, mapping and requests."""
        return self.steer("GET", "state")

    def map(self, id_tag: str, external_subscription_id: str) -> None:
        """Bill an idTag, in exactly this spelling, to a subscription."""
        self.steer("POST", "mapping", **{id_tag: external_subscription_id})

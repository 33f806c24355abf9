"""A line between a charge point and SteVe that breaks, falls silent or loses an answer, once each."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import Thread
from urllib.parse import urlsplit

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.sync.server import ServerConnection, serve
from websockets.typing import Subprotocol

OCPP = [Subprotocol("ocpp1.6")]


@dataclass
class Line:
    """`breaks_at`, `silent_at`: the action does not arrive. `loses`: it does, and no answer comes back.

    `heard` are the actions that came, `logins` what the charge point logged in with, each time.
    """

    ocpp_url: str
    breaks_at: str = ""
    silent_at: set[str] = field(default_factory=set)
    loses: str = ""
    heard: list[str] = field(default_factory=list)
    logins: list[str | None] = field(default_factory=list)

    @contextmanager
    def laid(self) -> Iterator[str]:
        """Give the address at which it begins."""
        with serve(self._converse, "127.0.0.1", 0, subprotocols=OCPP) as server:
            serving = Thread(target=server.serve_forever)
            serving.start()
            try:
                yield f"ws://127.0.0.1:{server.socket.getsockname()[1]}{urlsplit(self.ocpp_url).path}"
            finally:
                server.shutdown()
                serving.join()

    def _converse(self, charger: ServerConnection) -> None:
        assert charger.request is not None
        self.logins.append(charger.request.headers.get("Authorization"))
        box = charger.request.path.rpartition("/")[2]
        with connect(f"{self.ocpp_url}/{box}", subprotocols=OCPP) as steve:
            back = Thread(target=self._bring_back, args=(steve, charger))
            back.start()
            with suppress(ConnectionClosed):  # of a charge point that was killed
                self._carry(charger, steve)
            steve.close()
            back.join()

    def _carry(self, charger: ServerConnection, steve: ClientConnection) -> None:
        silent = False
        for message in charger:
            action = str(message).split('"')[3]
            self.heard.append(action)
            if action == self.breaks_at:
                self.breaks_at = ""
                charger.close()
                return
            if action in self.silent_at and not silent:
                self.silent_at.discard(action)
                silent = True
            if not silent:
                steve.send(message)

    def _bring_back(self, steve: ClientConnection, charger: ServerConnection) -> None:
        lost = False
        for message in steve:
            if self.loses and self.heard[-1:] == [self.loses]:
                self.loses, lost = "", True
            if lost:
                continue
            try:
                charger.send(message)
            except ConnectionClosed:
                return

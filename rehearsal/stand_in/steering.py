"""The control interface below /sandbox: look into a stand-in and steer it, over HTTP or from Python.

Every stand-in has GET requests, faults, held; POST requests/reset, faults, faults/clear, release.
It adds its own.
"""

import asyncio
import json
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from urllib.parse import parse_qsl, unquote

from rehearsal.stand_in.exchange import Exchange
from rehearsal.stand_in.faults import fault, parse_fault
from rehearsal.stand_in.messages import Json, Reply, Request

Control = Callable[[Json], Json | None]
Controls = Mapping[tuple[str, str], Control]  # by method and name: ("POST", "clock")

PREFIX = "/sandbox/"
POLL_S = 0.002


class UnknownControlError(Exception):
    """There is no such control; the message names those there are."""


class Steering:
    """The controls of one stand-in. Each is carried out while `lock` is held."""

    def __init__(self, exchange: Exchange, own: Controls, lock: AbstractContextManager[object]) -> None:
        self._exchange = exchange
        self._lock = lock
        self._controls: Controls = {
            ("GET", "requests"): self._requests,
            ("POST", "requests/reset"): self._reset_requests,
            ("GET", "faults"): self._faults,
            ("POST", "faults"): self._add_fault,
            ("POST", "faults/clear"): self._clear_faults,
            ("POST", "release"): self._release,
            **own,
        }

    async def answer(self, request: Request) -> Reply:
        """Carry out a control over HTTP. What it needs comes as JSON or in the query."""
        name = unquote(request.path.removeprefix(PREFIX)).strip("/")
        try:
            return Reply.json(await self.control(request.method, name, _body(request)))
        except UnknownControlError as error:
            return Reply.json({"error": f"There are: {error}"}, 404)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            return Reply.json({"error": f"{type(error).__name__}: {error}"}, 400)

    async def control(self, method: str, name: str, body: Json) -> Json:
        """Carry out one control; raise UnknownControlError, or what a senseless body raises (ValueError…)."""
        if (method, name) == ("GET", "held"):
            return await self._held(float(body.get("timeout_s", 0)))
        control = self._controls.get((method, name))
        if control is None:
            raise UnknownControlError(", ".join(f"{verb} {PREFIX}{path}" for verb, path in self._controls))
        with self._lock:
            return control(body) or {}

    async def _held(self, timeout_s: float) -> Json:
        """Wait until a pausing fault holds a call, at most so long, and name the held calls by number."""
        loop, faults = asyncio.get_running_loop(), self._exchange.faults
        deadline = loop.time() + timeout_s
        while not faults.held() and loop.time() < deadline:
            await asyncio.sleep(POLL_S)
        return {"held": faults.held()}

    def _requests(self, body: Json) -> Json:
        return self._exchange.log.json()

    def _reset_requests(self, body: Json) -> None:
        self._exchange.log.reset()

    def _faults(self, body: Json) -> Json:
        return {"faults": [one.json() for one in self._exchange.faults.all]}

    def _add_fault(self, body: Json) -> Json:
        added = parse_fault(body["spec"]) if "spec" in body else fault(body)
        if added.kind not in self._exchange.kinds:
            raise ValueError(f"kinds: {', '.join(sorted(self._exchange.kinds))}")
        self._exchange.faults.all.append(added)
        return self._faults(body)

    def _clear_faults(self, body: Json) -> None:
        self._exchange.faults.clear()

    def _release(self, body: Json) -> None:
        self._exchange.faults.release()


def _body(request: Request) -> Json:
    if not request.body:
        return dict(parse_qsl(request.query, keep_blank_values=True))
    sent: Json = json.loads(request.body)
    return sent

"""Faults on request: which calls go wrong, in which way, and holding a call at an exact moment."""

import asyncio
import random
import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from rehearsal.stand_in.messages import Json, Request


class Kind(StrEnum):
    """`before`: the work is never done; `after`: it is done, and only the answer suffers."""

    RESET_BEFORE = "reset_before"
    RESET_AFTER = "reset_after"
    HANG_BEFORE = "hang_before"
    TIMEOUT_AFTER = "timeout_after"
    ERROR_500 = "500"
    ERROR_500_AFTER = "500_after"
    HTML_502 = "502_html"
    TOO_MANY = "429"
    TRUNCATED = "truncated"
    WRONG_JSON = "wrong_json"  # valid JSON of another shape
    NOT_JSON = "not_json"
    PAUSE_BEFORE = "pause_before"  # hold the call until released, then go on normally
    PAUSE_AFTER = "pause_after"


FOREVER = None
WORDS = frozenset({"kind", "method", "path", "nth", "times", "rate", "seed", "seconds"})
NUMBERS = {"nth": int, "rate": float, "seed": int, "seconds": float}


@dataclass(slots=True)
class Fault:
    """Goes off at the `nth` matching call (1 is the first) and the `times` after, or at a random share.

    `path` is a regular expression matched at the start of the raw path below the base of the API.
    """

    kind: Kind
    method: str = ""
    path: str = ""
    nth: int = 1
    times: int | None = 1
    rate: float | None = None
    seed: int = 0
    seconds: float = 60.0
    seen: int = 0
    fired: int = 0
    held: list[int] = field(default_factory=list)
    _dice: random.Random = field(default_factory=random.Random)
    _released: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self._dice.seed(self.seed)

    def strikes(self, method: str, path: str) -> bool:
        """Count a matching call and return whether it is one that goes wrong."""
        if self.method not in ("", method) or not re.match(self.path, path):
            return False
        self.seen += 1
        if self.times is not FOREVER and self.fired >= self.times:
            return False
        struck = self.seen >= self.nth if self.rate is None else self._dice.random() < self.rate
        self.fired += struck
        return struck

    async def hold(self, number: int) -> None:
        """Wait, visibly, until released."""
        self.held.append(number)
        try:
            await self._released.wait()
        finally:
            self.held.remove(number)

    def release(self) -> None:
        """Let the held calls go; a later match of this fault passes without being held."""
        self._released.set()

    def json(self) -> Json:
        return {
            "kind": self.kind.value,
            "method": self.method,
            "path": self.path,
            "nth": self.nth,
            "times": self.times,
            "rate": self.rate,
            "seen": self.seen,
            "fired": self.fired,
            "held": list(self.held),
        }


def fault(spec: Json) -> Fault:
    """Make a fault from JSON or command-line words; raise ValueError with a usable message."""
    if not spec.keys() <= WORDS or spec.get("kind") not in set(Kind):
        words = ", ".join(sorted(WORDS - {"kind"}))
        raise ValueError(f"a fault is a kind ({', '.join(Kind)}) and any of {words}")
    _check_pattern(spec.get("path", ""))
    given = {name: read for name, read in NUMBERS.items() if spec.get(name) is not None}
    values: dict[str, Any] = {name: read(spec[name]) for name, read in given.items()}
    return Fault(
        kind=Kind(spec["kind"]),
        method=spec.get("method", "").upper(),
        path=spec.get("path", ""),
        times=_times(spec),
        **values,
    )


def _check_pattern(path: str) -> None:
    try:
        re.compile(path)
    except re.error as error:
        raise ValueError(f"the path of a fault is a regular expression: {error}") from error


def _times(spec: Json) -> int | None:
    given = spec.get("times", "forever" if "rate" in spec else 1)
    return FOREVER if given in (None, "forever") else int(given)


def parse_fault(text: str) -> Fault:
    """Read `KIND[,name=value…]`, for example `reset_after,method=POST,path=/customers$,nth=3`."""
    kind, *words = text.split(",")
    return fault({"kind": kind} | dict(word.partition("=")[::2] for word in words))


class Faults:
    """All faults of a stand-in. Their paths are matched below `base`."""

    def __init__(self, base: str = "") -> None:
        self.all: list[Fault] = []
        self._base = base

    def pick(self, request: Request) -> Fault | None:
        """Return the first fault that strikes; every fault counts the call."""
        path = request.path.removeprefix(self._base)
        struck = [one for one in self.all if one.strikes(request.method, path)]
        return struck[0] if struck else None

    def release(self) -> None:
        for one in self.all:
            one.release()

    def clear(self) -> None:
        self.release()
        self.all = []

    def held(self) -> list[int]:
        return sorted(number for one in self.all for number in one.held)

"""The words that every step, and everything built from steps, shares.

A CSV row asks for a few things to exist, each in some system. Each kind of thing is a step; a step
knows how to look up, check, create and remove its thing. This module holds only values and the
protocol: no ORM, no HTTP, no settings, no clock.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Protocol


class StepName(StrEnum):
    """The things that a row can ask for, in the order in which they are made."""

    USER = "user"
    ID_TAG_MAPPING = "id_tag_mapping"
    STEVE_ID_TAG = "steve_id_tag"
    LAGO_CUSTOMER = "lago_customer"
    LAGO_SUBSCRIPTION = "lago_subscription"


class Action(StrEnum):
    """What a plan means to do about one thing."""

    CREATE = "create"
    ADOPT = "adopt"  # it exists and agrees; it is never overwritten
    DONE = "done"  # a run of ours made it
    SHARED = "shared"  # another row of the same file makes it


@dataclass(frozen=True, slots=True)
class Problem:
    """Something an operator has to know about a row: a problem stops it, a warning does not.

    `message` and `hint` may be shown, logged and audited: values of email, name and idTag come masked.
    """

    code: str
    field: str | None
    message: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What one row asks for, typed.

    In a row that cannot be imported, a value that is not valid is blank (`""` or `None`), so that the
    other values of the same row can still be checked.
    """

    line: int
    email: str
    display_name: str
    external_id: str
    id_tag: str
    plan_code: str
    start_date: date | None
    subscription_at: datetime | None
    billing_time: str = "calendar"

    @property
    def subscription_external_id(self) -> str:
        """Lago's key of the subscription: deterministic, so that an unanswered create can be looked up."""
        return f"backfill-{self.external_id}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a step says of one row after looking.

    `action` is CREATE or ADOPT, or None where the row cannot be served. `ref` names what was found.
    `exists` are the problems to report when the operator did not allow adopting. `change`: it is to be
    adopted, but `create` must be called to put it right first. `key` is its key in that system where that is
    not the one we would have chosen (a subscription's external_id, SteVe's spelling of an idTag), `since`
    when it came to be, by that system's clock. `undo`: what `change` will alter, written down before it
    happens.
    `since_then`: the warnings to give instead once a run has finished with this very thing: what is wrong
    with it now, somebody did on purpose for all we know, and it is left alone.
    """

    action: Action | None
    ref: str = ""
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    exists: tuple[Problem, ...] = ()
    change: bool = False
    key: str = ""
    since: datetime | None = None
    undo: Mapping[str, Any] | None = None
    since_then: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Made:
    """The answer to a create. `adopted`: it turned out to exist already, made by somebody else.

    `undo` is what a later removal must know beyond `ref`, as JSON values (SteVe: what a tag was like before).
    `key` as in `Verdict`.
    """

    ref: str
    adopted: bool = False
    key: str = ""
    undo: Mapping[str, Any] | None = None


class Removal(StrEnum):
    REMOVED = "removed"
    GONE = "gone"  # it was no longer there
    KEPT = "kept"


@dataclass(frozen=True, slots=True)
class Removed:
    """What became of a thing that a revert asked to remove; `why` says it where it was kept."""

    removal: Removal
    why: str = ""


@dataclass(frozen=True, slots=True)
class Divergence:
    """One way in which the world differs from what the run recorded. Values are safe to show."""

    kind: str
    expected: str
    found: str
    remedy: str


class RemoteError(Exception):
    """A call to another system that did not succeed; each client raises its own subclass.

    `code` is a problem code of the contract, `str(error)` is safe to show and log (no body, no key).
    `sent`: the request may have been carried out although no usable answer came.
    `down`: the system as a whole is at fault (unreachable, 5xx, rate limit), not this request.
    """

    def __init__(self, code: str, message: str, *, sent: bool = False, down: bool = False) -> None:
        super().__init__(message)
        self.code = code
        self.sent = sent
        self.down = down


class RemoteStep(Protocol):
    """A thing in another system. Methods are thread-safe and touch neither ORM nor settings."""

    name: StepName

    def look_up(self, wanted: Sequence[Wanted]) -> Mapping[str, Any]:
        """Read, in bulk, all that `check`, `compare` and `remove` need; raise RemoteError."""
        ...

    def check(self, wanted: Wanted, found: Mapping[str, Any]) -> Verdict: ...

    def create(self, wanted: Wanted, verdict: Verdict) -> Made:
        """Make the thing; safe to repeat after a lost answer; raise RemoteError."""
        ...

    def remove(self, wanted: Wanted, ref: str, undo: Mapping[str, Any], found: Mapping[str, Any]) -> Removed:
        """Take back what `create` made and nothing else; safe to repeat; raise RemoteError."""
        ...

    def compare(self, wanted: Wanted, ref: str, found: Mapping[str, Any]) -> Sequence[Divergence]: ...

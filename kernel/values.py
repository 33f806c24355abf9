"""The values that pass between the pipeline and its steps. Plain: no ORM, no HTTP, no settings, no clock."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime
from enum import StrEnum
from operator import attrgetter
from typing import Any

from kernel.struct import struct

# What one step tells the others of the same row, by name of the fact.
Facts = Mapping[str, Any]


class _Nothing(dict[str, Any]):
    """Empty, and hashable, as the default of a field has to be."""

    def __hash__(self) -> int:  # type: ignore[override]
        return 0


NOTHING: Mapping[str, Any] = _Nothing()  # the one for all values without: each row of a file has several


class Fact(StrEnum):
    """The facts that steps exchange. A step names a fact that it needs, and never the step that tells it."""

    USER_PK = "user_pk"
    OCPP_TAG_PK = "ocpp_tag_pk"  # SteVe's number of the idTag
    SESSION_ID_TAG = "session_id_tag"  # the idTag in the spelling that charging sessions carry
    IS_FIRST = "is_first"  # the row is its customer's first
    SUBSCRIPTION_KEY = "subscription_key"  # external_id of the subscription that pays
    PAYS_FROM = "pays_from"  # the instant from which it pays, where that is not the row's own
    PARENT_ID_TAG = "parent_id_tag"  # as SteVe has them of an idTag that was there
    EXPIRES_AT = "expires_at"
    PLATFORM_USER = "platform_user"  # the user's id in the platform's database
    CHARGES_FREE = "charges_free"  # nothing that the customer charges is ever to be paid


class Action(StrEnum):
    """What a plan means to do about one thing."""

    CREATE = "create"
    ADOPT = "adopt"  # it exists and agrees; it is never overwritten
    DONE = "done"  # a run of ours made it
    SHARED = "shared"  # another row of the same file makes it


@struct
class Problem:
    """Something an operator has to know about a row: a problem stops it, a warning does not.

    `message` and `hint` may be shown, logged and audited: values of email, name and idTag come masked.
    """

    code: str
    field: str | None
    message: str
    hint: str = ""


class Doubt(Problem):
    """A problem that holds only for what would be created: what a run has made with this value stays in."""

    __slots__ = ()

    @classmethod
    def of(cls, problem: Problem) -> "Doubt":
        return cls(problem.code, problem.field, problem.message, problem.hint)


@struct
class Wanted:
    """What one row asks for, typed. The address is a login: in lower case, however the file spells it.

    In a row that cannot be imported, a value that is not valid is blank (`""` or `None`), so that the
    other values of the same row can still be checked. A value with no more than a `Doubt` is there.
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
    more: Mapping[str, Any] = NOTHING  # of the optional columns, its own
    unread: frozenset[str] = (
        frozenset()
    )  # the optional columns whose cell is not valid: nobody knows its value
    moved_to: date | None = None  # the day on which it starts where that is not `start_date`, the file's

    @property
    def starts_on(self) -> date | None:
        """The day that `subscription_at` is the beginning of, where start dates are meant."""
        return self.moved_to or self.start_date

    @property
    def subscription_external_id(self) -> str:
        """Lago's key of the subscription: deterministic, so that an unanswered create can be looked up."""
        return f"backfill-{self.external_id}"


@dataclass(frozen=True, slots=True)
class Charge:
    """What an invoice charges for the days from `first` to `last`, both included; never nothing."""

    cents: int
    first: date
    last: date
    is_base: bool = True

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1

    def days_until(self, day: date) -> int:
        """Return how many of its days are over when that day is."""
        return max((min(self.last, day) - self.first).days + 1, 0)


@dataclass(frozen=True, slots=True)
class Bill:
    """An invoice to come: net, without usage, taxes, credits, coupons and minimum commitments.

    `first` and `last` are the days of its base amount; without one, the day of the invoice. `charges` are the
    amounts that it is made of, each with the days that are paid for: none of a trial.
    """

    day: date
    base_cents: int
    fixed_cents: int
    currency: str
    first: date
    last: date
    charges: tuple[Charge, ...] = ()

    @property
    def amount_cents(self) -> int:
        return self.base_cents + self.fixed_cents


@dataclass(frozen=True, slots=True)
class Bills:
    """What a thing costs the customer: one that is made on the day `as_of` of that system, or adopted.

    - `first`, `second`: the invoices to come; None where they cannot be told.
    - `today`, `tonight`: all that is invoiced on that day and in the night after; not of what is adopted.
    - `past`: the problems that hold unless the operator accepts such invoices: they are for days that are
      over, or that are long paid.
    - `clear_from`: the first day on which there would be none of these; None if never.
    - `remarks`: what else an operator should know, as warnings.
    - `whole_cents`: what a whole period costs, in `currency`; None where that cannot be told.
    """

    as_of: date
    first: Bill | None = None
    second: Bill | None = None
    today: tuple[Bill, ...] = ()
    tonight: tuple[Bill, ...] = ()
    past: tuple[Problem, ...] = ()
    clear_from: date | None = None
    remarks: tuple[Problem, ...] = ()
    whole_cents: int | None = None
    currency: str = ""


@struct
class Verdict:
    """What a step says of one row after it has looked.

    - `action`: CREATE or ADOPT, or None where the row cannot be served. `ref` names what was found.
    - `exists`: the problems to report where the operator did not allow adopting.
    - `change`: the thing is to be adopted, but `create` must put it right first. `undo` is what that alters,
      written down before it happens.
    - `key`: its key in that system where that is not the one we would have chosen (a subscription's
      external_id, SteVe's spelling of an idTag).
    - `once_finished`: the warnings that replace `problems` and `change` where a run had already finished with
      this very thing. What is wrong with it now, somebody did on purpose, for all we know.
    - `leave`: why the whole row is left out, with this warning, where the operator allowed adopting.
    - `tells`: what others may know of what was found, beside what `Step.tell` says.
    - `theirs`: warnings of a thing that is adopted; with `change`, that concerns such a thing alone. Of one
      that a run of ours made neither holds.
    - `unless_allowed`: problems that are our own caution, each by the option that lifts it.
    - `looks_made`: whether what is there may be what `create` made, after an unanswered try; None where that
      is so unless there are warnings.
    - `tried`: nothing is there, but a try of ours was never answered and may still be under way.
    - `bills`: what it will cost the customer, as far as that is known.
    """

    action: Action | None
    ref: str = ""
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    exists: tuple[Problem, ...] = ()
    change: bool = False
    key: str = ""
    undo: Mapping[str, Any] | None = None
    once_finished: tuple[Problem, ...] = ()
    leave: Problem | None = None
    tells: Facts = NOTHING
    theirs: tuple[Problem, ...] = ()
    unless_allowed: Mapping[str, Problem] = NOTHING
    looks_made: bool | None = None
    tried: bool = False
    bills: Bills | None = None

    def done(self) -> "Verdict":
        """Say that a run of ours made the thing: what is meant of others' things alone does not hold.

        Each row of a file that is there has several; `replace` takes three times as long.
        """
        values = list(_values_of(self))
        values[_ACTION], values[_THEIRS] = Action.DONE, ()
        values[_CHANGE] = self.change and not self.theirs
        return Verdict(*values)

    @property
    def may_be_ours(self) -> bool:
        """Return whether what is there may be what an unanswered `create` of ours made."""
        return not self.warnings if self.looks_made is None else self.looks_made

    @property
    def is_to_make(self) -> bool:
        """Return whether `create` is to be called, for a thing or to put one right."""
        return self.action is Action.CREATE or self.change


_NAMES = [one.name for one in fields(Verdict)]
_values_of: Callable[[Verdict], tuple[Any, ...]] = attrgetter(*_NAMES)
_ACTION, _THEIRS, _CHANGE = (_NAMES.index(name) for name in ("action", "theirs", "change"))


@dataclass(frozen=True, slots=True)
class Count:
    """What a preview adds up of a thing: under which name, and how much money, if it is any."""

    under: str
    amount_cents: int | None = None
    currency: str | None = None


@struct
class Task:
    """One thing to make: for which row, as judged, and what the steps before it told."""

    wanted: Wanted
    verdict: Verdict
    facts: Facts


@struct
class Made:
    """The answer to a create. `adopted`: it turned out to exist already, made by somebody else.

    `undo` is what a later removal must know beyond `ref`, as JSON values (SteVe: what a tag was like before).
    `key` and `tells` as in `Verdict`. `remarks` are warnings that only the answer could give.
    """

    ref: str
    adopted: bool = False
    key: str = ""
    undo: Mapping[str, Any] | None = None
    tells: Facts = NOTHING
    remarks: tuple[Problem, ...] = ()


@struct
class Thing:
    """One thing that a run recorded. In `wanted`, what has gone from our database is blank.

    `is_made`: the run made it, or may have made it. `facts`: what the other things of the row tell.
    """

    wanted: Wanted
    ref: str
    is_made: bool
    undo: Mapping[str, Any] = NOTHING
    facts: Facts = NOTHING


@dataclass(frozen=True, slots=True)
class Invoiced:
    """An invoice that a customer has got: net, in the currency's smallest unit.

    `first` and `last` are the days of its base amount; None where it has none, or where they are not known.
    """

    external_id: str
    cents: int
    currency: str
    first: date | None = None
    last: date | None = None


@dataclass(frozen=True, slots=True)
class Since:
    """The run after which people may have been active. `reverting`: a revert of it stopped half way."""

    run_pk: int
    run_id: str
    started_at: datetime
    reverting: bool = False


class Removal(StrEnum):
    REMOVED = "removed"
    GONE = "gone"  # it was no longer there
    KEPT = "kept"
    FAILED = "failed"  # it is still there; the next attempt tries again


@dataclass(frozen=True, slots=True)
class Removed:
    """What became of a thing that a revert asked to remove; `why` says it where it was kept.

    `in_use`: it stays, and may be used although nobody pays for it any more.
    """

    removal: Removal
    why: str = ""
    in_use: bool = False


@dataclass(frozen=True, slots=True)
class Divergence:
    """One way in which the world differs from what the run recorded. Values are safe to show."""

    kind: str
    expected: str
    found: str
    remedy: str

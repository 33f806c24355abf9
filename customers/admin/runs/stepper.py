"""From the file to the last mail: five steps, and the one right thing to do next. Knows no database.

What is known of a run goes in as facts, and each step is judged by itself: done, to be done, or held up. The
first that is not done has the next thing to do; what comes after it waits, unless it was done all the same.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum


class State(StrEnum):
    DONE = "done"
    NOW = "now"
    BLOCKED = "blocked"  # its turn, and something has to be put right first
    LATER = "later"


class Action(StrEnum):
    """What can be the next thing to do; the page has a button or a link for each."""

    CONTINUE = "continue"
    REST = "rest"
    RESUME = "resume"
    UPLOAD = "upload"
    RECONCILE = "reconcile"
    DIVERGENCES = "divergences"
    VERIFY = "verify"
    CHECKS = "checks"
    CHARGE = "charge"
    INVITE = "invite"
    REVERT = "revert"


# Which permission each needs; to look, none.
NEEDS = {
    Action.CONTINUE: "run_backfill",
    Action.REST: "run_backfill",
    Action.RESUME: "control_backfill",
    Action.UPLOAD: "run_backfill",
    Action.RECONCILE: "run_backfill",
    Action.VERIFY: "run_backfill",
    Action.CHARGE: "run_backfill",
    Action.INVITE: "send_welcome",
    Action.REVERT: "revert_backfill",
}
EDITED = "A customer or a card was changed here since the last look"
GOES_ON = "The next worker goes on with it by itself."
EVERYTHING = frozenset(NEEDS.values())


@dataclass(frozen=True, slots=True)
class Next:
    """The one right thing to do. `why_not`: it cannot be done now, or not by whoever asks."""

    action: Action
    why_not: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    name: str
    state: State
    told: str = ""


@dataclass(frozen=True, slots=True)
class Stepper:
    steps: Sequence[Step]
    next: Next | None

    @property
    def current(self) -> Step | None:
        return next((one for one in self.steps if one.state in (State.NOW, State.BLOCKED)), None)


@dataclass(frozen=True, slots=True)
class Look:
    """The last time that a run was reconciled or verified. `number` grows from one look to the next.

    `bad` says what is wrong with what was found, `good` what else there is to know of it. `is_stale`: the run
    was written to since. `is_edited`: a customer or a card of it was changed by hand since, which a reconcile
    finds.
    """

    number: int = 1
    status: str = "done"
    reason: str = ""
    bad: str = ""
    good: str = ""
    is_stale: bool = False
    is_edited: bool = False

    @property
    def is_under_way(self) -> bool:
        return self.status in ("queued", "running")

    @property
    def stands(self) -> bool:
        """Return whether it came to a result that is one of the run as it is."""
        return self.status == "done" and not self.is_stale


@dataclass(frozen=True, slots=True)
class Mails:
    """The welcome mails of a run. `failed` did not go out, or nobody knows whether they did."""

    status: str
    settled: int
    total: int
    failed: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All that decides. `status` is the run's as people see it.

    `waiting`: rows of the file after the first customers, where only those were to go in. `goes_on`: its
    worker has died, and the next one goes on by itself. `no_session` and `no_mail`: why no test session can
    be had here, and no mail be sent; blank if they can.
    """

    status: str
    can_continue: bool = False
    wants_preview: bool = False
    goes_on: bool = False
    waits_for_hour: bool = False
    failed: int = 0
    waiting: int = 0
    is_settling: bool = False
    reconcile: Look | None = None
    verify: Look | None = None
    charge: Look | None = None
    no_session: str = ""
    mails: Mails | None = None
    somebody_to_invite: bool = True
    no_mail: str = ""
    may: Collection[str] = EVERYTHING


@dataclass(frozen=True, slots=True)
class Judged:
    """A step by itself, and what to do if it is its turn."""

    step: Step
    next: Next | None = None


def stepper(facts: Facts) -> Stepper:
    """Return the steps of a run and the one right thing to do next; None where there is nothing to do."""
    if facts.status in _OVER:
        return _over(facts)
    last = _rest(facts) if facts.waiting else _invite(facts)
    judged = [_import(facts), _reconcile(facts), _verify(facts), last]
    turn = next((one for one in judged if one.step.state is not State.DONE), None)
    steps = [one.step if one is turn or one.step.state is State.DONE else _later(one.step) for one in judged]
    end = Step("Done", State.LATER if turn else State.DONE)
    return Stepper([*steps, end], _if_allowed(turn.next if turn else None, facts.may))


def _later(step: Step) -> Step:
    return Step(step.name, State.LATER)


def _if_allowed(following: Next | None, may: Collection[str]) -> Next | None:
    if following is None or following.why_not:
        return following
    needed = NEEDS.get(following.action)
    if needed is None or needed in may:
        return following
    return replace(following, why_not=f"It needs the permission {needed}, which you do not have.")


# --- a run that is taken back ------------------------------------------------------------------------

_OVER = {
    "reverting": "It is being reverted",
    "revert interrupted": "Its revert was interrupted",
    "revert paused": "Its revert is paused",
    "reverted": "It is reverted",
    "abandoned": "It was abandoned for another run over the same file",
}


def _over(facts: Facts) -> Stepper:
    names = ("Reconcile", "Verify", "Invite", "Done")
    steps = [Step("Import", State.BLOCKED, _OVER[facts.status]), *(Step(name, State.LATER) for name in names)]
    following = {
        "reverting": Next(Action.REVERT, "The revert is under way."),
        "revert interrupted": Next(Action.REVERT, GOES_ON if facts.goes_on else ""),
        "revert paused": Next(Action.RESUME),
    }
    return Stepper(steps, _if_allowed(following.get(facts.status), facts.may))


# --- each step by itself -----------------------------------------------------------------------------


def _now(name: str, told: str, action: Action, why_not: str = "") -> Judged:
    return Judged(Step(name, State.NOW, told), Next(action, why_not))


def _blocked(name: str, told: str, action: Action, why_not: str = "") -> Judged:
    return Judged(Step(name, State.BLOCKED, told), Next(action, why_not))


def _done(name: str, told: str) -> Judged:
    return Judged(Step(name, State.DONE, told))


def _import(facts: Facts) -> Judged:
    name = "Import"
    if facts.status == "paused":
        return _blocked(name, "Paused", Action.RESUME)
    if facts.status == "queued" and facts.waits_for_hour:
        return _now(name, "Waits for its hour", Action.RECONCILE, "The import begins at its hour.")
    if facts.status == "queued":
        return _now(name, "Waits for the worker", Action.RECONCILE, "The import waits for the worker.")
    if facts.status == "running":
        return _now(name, "Under way", Action.RECONCILE, "The import is under way.")
    if facts.goes_on:
        return _now(name, "Its worker is gone", Action.CONTINUE, GOES_ON)
    if facts.status not in ("succeeded", "partial", "canary"):
        told = "Failed" if facts.status == "failed" else "Interrupted"
        goes_on = facts.can_continue and not facts.wants_preview
        return _blocked(name, told, Action.CONTINUE if goes_on else Action.UPLOAD)
    if facts.is_settling:
        told = "All is written; the platform's sync is waited for"
        return _now(name, told, Action.RECONCILE, "The platform has not taken over the cards yet.")
    failed = f"{facts.failed:,} {'row' if facts.failed == 1 else 'rows'} failed" if facts.failed else ""
    return _done(name, failed or ("The first customers are in" if facts.waiting else "All rows are in"))


def _reconcile(facts: Facts) -> Judged:
    name, action, look = "Reconcile", Action.RECONCILE, facts.reconcile
    if look is None:
        return _now(name, "", action)
    if look.is_under_way:
        return _now(name, "Under way", action, "The run is being reconciled.")
    if look.status != "done":
        return _blocked(name, f"Could not be done: {look.reason}", action)
    if look.is_stale:
        return _now(name, "The run has changed since it was reconciled", action)
    if look.is_edited and (look.bad or facts.mails is None):
        return _now(name, EDITED, action)
    if look.bad:
        return _blocked(name, look.bad, Action.DIVERGENCES)
    return _done(name, EDITED if look.is_edited else look.good)  # people move house: invited stays invited


def _verify(facts: Facts) -> Judged:
    name = "Verify"
    last = _last(facts.verify, facts.charge)
    if last is None:
        return _now(name, "", Action.VERIFY)
    action = Action.CHARGE if last is facts.charge else Action.VERIFY
    if last.is_under_way:
        return _now(name, "Under way", action, "The run is being verified.")
    if last.status == "refused":
        return _blocked(name, f"Could not be done: {last.reason}", action)
    if last.status != "done":
        return _blocked(name, f"Stopped: {last.reason}", action)
    if last.is_stale:
        return _now(name, "The run has changed since it was verified", Action.VERIFY)
    if bad := last.bad or _bad_session(facts.charge):
        return _blocked(name, bad, Action.CHECKS)
    if facts.charge is not None and facts.charge.stands:
        return _done(name, "GO, with a charging session")
    if facts.no_session:
        return _done(name, f"GO, without a charging session: {facts.no_session}")
    return _now(name, "GO so far; no charging session was tried", Action.CHARGE)


def _last(*looks: Look | None) -> Look | None:
    return max((look for look in looks if look is not None), key=lambda look: look.number, default=None)


def _bad_session(charge: Look | None) -> str:
    """Return what was wrong with the last test session: no later look without one puts that right."""
    return charge.bad if charge is not None and charge.stands else ""


def _rest(facts: Facts) -> Judged:
    """Judge what follows once the first customers are seen to be well; mails may go out before it."""
    rows = "1 row of the file waits" if facts.waiting == 1 else f"{facts.waiting:,} rows of the file wait"
    return _now("Continue", rows, Action.REST if facts.can_continue else Action.UPLOAD)


def _invite(facts: Facts) -> Judged:
    name, mails = "Invite", facts.mails
    if mails is None and not facts.somebody_to_invite:
        return _done(name, "Nobody is left to invite")
    if mails is None and facts.no_mail:
        return _blocked(name, "No mail can be sent", Action.INVITE, facts.no_mail)
    if mails is None:
        return _now(name, "", Action.INVITE)
    settled = f"{mails.settled:,} of {mails.total:,} mails"
    if mails.status == "running":
        return _now(name, settled, Action.INVITE, "The welcome mails are going out.")
    if mails.status == "paused":
        return _blocked(name, f"Paused after {settled}. {mails.reason}".strip(), Action.INVITE)
    return _done(name, f"{settled}, {mails.failed:,} to look at" if mails.failed else settled)

"""The step: one kind of thing that a row asks for, in one system.

Plan, apply, reconcile, revert and verify are built from steps and know none of them by name. What they need
to know of a thing, its step says about itself here.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar

from kernel.errors import RemoteError
from kernel.values import (
    Bills,
    Count,
    Divergence,
    Facts,
    Invoiced,
    Made,
    Problem,
    Removed,
    Since,
    Task,
    Thing,
    Verdict,
    Wanted,
)


class Per(StrEnum):
    """How many of the thing a customer has who has several cards."""

    CUSTOMER = "customer"  # one, made by the first row and shared by the others
    CARD = "card"


class Works(StrEnum):
    """How the verbs of a step are called."""

    WITH_LEDGER = "with the ledger"  # `*_all`: in bulk, in our own database, in the ledger's transactions
    PER_BATCH = "per batch"  # `*_all`: in bulk, in another database, in a transaction of its own
    PER_ROW = "per row"  # `create`, `remove`: a call each, on threads that touch neither ORM nor settings


class Step:
    """A kind of thing. A step overrides what is true of it; whatever it does not override does nothing."""

    name: ClassVar[str]  # in the ledger, the log and JSON
    noun: ClassVar[str]  # on the screen, in the singular
    system: ClassVar[str] = ""  # on the screen; blank for our own database
    per: ClassVar[Per] = Per.CUSTOMER
    works: ClassVar[Works] = Works.PER_ROW
    # While this thing stands, nothing else of a finished row is put right or held against it.
    is_keystone: ClassVar[bool] = False
    # What it costs the customer is told before an import.
    costs: ClassVar[bool] = False
    # A preview adds up what is made of it, as `count` says.
    is_counted: ClassVar[bool] = False
    # The optional columns whose values a new thing gets, by name; a preview counts them.
    gives: ClassVar[tuple[str, ...]] = ()
    # Of those, the ones without which its system may bill wrongly.
    needs: Sequence[str] = ()
    # The column of `BackfillRow` that points to the thing, if it is in our database.
    row_column: ClassVar[str] = ""
    # A revert may leave its things where they are, in a system that is gone for ever.
    can_be_left: ClassVar[bool] = True
    # Where its system is not configured, an operator is told that nothing of it was checked.
    is_missed: ClassVar[bool] = True
    # The variables that say where the system is.
    variables: ClassVar[tuple[str, ...]] = ()
    # It has something to do once a row is whole.
    activates: ClassVar[bool] = False
    # It has something to stop before anything of a batch is removed.
    stops: ClassVar[bool] = False
    # Per row: it looks once more, at a whole batch, before it removes.
    looks_closer: ClassVar[bool] = False
    # Per row: it is not done right after the step before it; other rows come in between.
    stands_off: bool = False
    # Of a run that was made without its system, a revert looks for what others made there for a row.
    finds_unrecorded: ClassVar[bool] = False
    # The kinds of its divergences that a repair may put right; of all others it only says what to do. A step
    # by which somebody pays has none: what is made there again is billed again.
    repairs: ClassVar[frozenset[str]] = frozenset()
    # The kinds that speak against nothing else of the row: what it is paid by stands all the same.
    harmless: Collection[str] = ()
    # Its thing carries what the things before it tell, and is put right when one of them is made again.
    carries: ClassVar[bool] = False
    # What a divergence means for whoever pays, by its kind.
    consequences: ClassVar[Mapping[str, str]] = {}
    # The code of its warning that a run alters what somebody else made. Each such thing can be named.
    alters: ClassVar[str] = ""

    # --- What it is called ---------------------------------------------------------------------------

    @classmethod
    def label(cls) -> str:
        """Name one: "Lago customer"."""
        return f"{cls.system} {cls.noun}".strip()

    @classmethod
    def plural(cls) -> str:
        """Name many: "Lago customers"."""
        return f"{cls.label()}s"

    @classmethod
    def place(cls) -> str:
        """Name many and where they are: "customers in Lago"."""
        return f"{cls.noun}s in {cls.system}" if cls.system else cls.plural()

    @classmethod
    def stays(cls, number: int) -> str:
        """Say what it means that a revert leaves so many things alone, where nobody looks."""
        if number == 1:
            return f"{cls.system} is left out: 1 {cls.noun} of the run stays there as it is."
        return f"{cls.system} is left out: {number:,} {cls.noun}s of the run stay there as they are."

    @classmethod
    def altering(cls, number: int) -> str:
        """Say what it means that a run alters so many things that somebody else made."""
        return ""

    @classmethod
    def consequence(cls, kind: str) -> str:
        """Say what a divergence means for whoever pays; blank where it means nothing to them."""
        return cls.consequences.get("drifted" if kind.endswith("_drifted") else kind, "")

    @classmethod
    def system_key(cls) -> str:
        """Name the system in options and in what a run remembers; blank for our own database."""
        return cls.system.lower()

    # --- Which system it is --------------------------------------------------------------------------

    def preflight(self) -> None:
        """Prove that the system answers; raise RemoteError."""

    def identity(self) -> str:
        """Say which one of its kind the system is. A run remembers it; blank where there is only one."""
        return ""

    def address(self) -> str:
        """Say where the system is, for people; never with a login."""
        return self.identity()

    def is_same(self, identity: str, things: Sequence[Thing]) -> bool:
        """Return whether this is the system that a run remembers; `things` are a few that it made there."""
        return identity in ("", self.identity())

    def close(self) -> None:
        """Let go of connections that are the step's own."""

    # --- Plan ----------------------------------------------------------------------------------------

    def read_prices(self, rows: Iterable[Wanted], now: datetime) -> None:
        """Read, before rows are judged, what tells their `bills` in a verdict; raise RemoteError.

        `now` is the instant, by the clock of those who bill, as of which they are judged.
        """

    def bills_at(self, wanted: Wanted, now: datetime) -> Bills | None:
        """Tell without a call what a thing made at that instant costs; None if `read_prices` did not say."""
        return None

    def is_asked(self, wanted: Wanted) -> bool:
        """Return whether the row asks for the thing at all; else nothing of it is said or done."""
        return True

    def look_up(self, rows: Iterable[Wanted]) -> Any:
        """Read, in bulk, all that `check` and `remove` need; raise RemoteError. `rows` may be many."""
        raise NotImplementedError

    def cautions(self, found: Any) -> Sequence[Problem]:
        """Say what an operator should know of what was found as a whole."""
        return ()

    def check(self, wanted: Wanted, found: Any) -> Verdict:
        """Judge one row by what was found."""
        raise NotImplementedError

    def reconsider(self, wanted: Wanted, found: Any, verdict: Verdict, facts: Facts) -> Verdict:
        """Judge again where the verdicts of all steps on the row are known, by what they tell."""
        return verdict

    def remember(self, rows: Iterable[Wanted]) -> Facts:
        """Return what the step keeps of what it found of these rows, in plain values, for others."""
        return {}

    def recall(self, known: Facts) -> None:
        """Take over what another one's `remember` returned, perhaps in another process."""

    def tell(self, wanted: Wanted, ref: str, key: str) -> Facts:
        """Say what others may know of a thing. `ref` is blank before it is made, or where it is shared."""
        return {}

    def is_whole(self, wanted: Wanted, found: Any, facts: Facts, *, finished: bool) -> bool:
        """Return whether a thing that exists needs nothing more. `finished`: a run had finished with it."""
        return True

    def altered(self, wanted: Wanted, ref: str) -> Problem | None:
        """Name a thing that a run has altered already, as the warning of `check` did before."""
        return None

    def expected_s(self, new: int, altered: int, found: Any) -> float | None:
        """Say how long so many creates take, by what was measured while looking; None if that is not known.

        `altered`: of how many things that are there something has to be put right.
        """
        return None

    def expected_removal_s(self, number: int, found: Any) -> float | None:
        """Say how long so many removals take, by what was measured while looking; None if not known."""
        return None

    @classmethod
    def takes_long(cls, seconds: float) -> Problem | None:
        """Warn, and say what can be done, where a run would keep the system at work for too long."""
        return None

    def count(self, wanted: Wanted) -> Count:
        """Say what a preview adds up of the thing that the row asks for."""
        raise NotImplementedError

    # --- Apply ---------------------------------------------------------------------------------------

    def create(self, task: Task) -> Made:
        """Make the thing, or put right what `task.verdict` found; safe to repeat; raise RemoteError."""
        raise NotImplementedError

    def create_all(self, tasks: Sequence[Task]) -> Sequence[Made | RemoteError]:
        """Make things in bulk, in their order."""
        raise NotImplementedError

    def activate_all(self, things: Sequence[Thing]) -> Sequence[dict[str, Any]]:
        """Put things to use whose rows are whole; give what each removal must know from now on.

        In another database it is done when the last step of the row was, and must be safe to repeat.
        """
        raise NotImplementedError

    # --- Reconcile -----------------------------------------------------------------------------------

    def look_again(self, things: Iterable[Thing], since: Since) -> Any:
        """Read, in bulk, what `compare` needs of things that a run recorded."""
        return self.look_up(thing.wanted for thing in things)

    def key_of(self, thing: Thing, found: Any) -> str | None:
        """Return the key of a recorded thing as `tell` wants it; None if the thing is not there."""
        return ""

    def compare(self, thing: Thing, found: Any) -> Sequence[Divergence]:
        raise NotImplementedError

    def remarks(self, thing: Thing, found: Any) -> Sequence[Problem]:
        """Say what an operator should know of a recorded thing although it is as it was recorded."""
        return ()

    def invoiced(self, things: Iterable[Thing], since: Since) -> Sequence[Invoiced]:
        """Return, of a step that costs, what the customers of things were invoiced since the run."""
        return ()

    def id_tag_of(self, thing: Thing, found: Any) -> str:
        """Return the idTag of a recorded thing by what `look_up` found; blank if it is not known here."""
        return ""

    # --- Revert --------------------------------------------------------------------------------------

    def part_of(self, found: Any, things: Sequence[Thing]) -> Any:
        """Return, in plain values, what `look_up` found of some of a run's things; None if it is asked anew.

        For a revert that another process does: to it, `found_in` gives back what `remove` needs.
        """
        return None

    def found_in(self, part: Any) -> Any:
        """Return what `look_up` would, from what `part_of` gave in another process."""
        return part

    def look_back(self, things: Iterable[Thing], since: Since) -> Any:
        """Read, in bulk, what `activity` and `forecast` need: as little as will do, for it is kept.

        `things` may be many, and are read anew each time they are gone through. Where a step works per row
        they are all of a run, and their `facts` are not told; else some.
        """
        return None

    def activity(
        self, things: Sequence[Thing], found: Any, back: Any, since: Since
    ) -> Iterable[tuple[str, str]]:
        """Return, as external_id and words, what people did since the run; `things` are some of a run's.

        What takes calls is asked for in `look_back`, once.
        """
        return ()

    def forecast(self, thing: Thing, found: Any, back: Any) -> str:
        """Say why a removal leaves the thing in some form; blank where it simply goes."""
        return ""

    def obstacle(self, thing: Thing, found: Any) -> str:
        """Say why a removal would fail now, and leave all that comes after it in the row; blank if not."""
        return ""

    def unrecorded(self, wanted: Wanted, found: Any) -> Sequence[Thing]:
        """Return what others made of a row for whom nobody will pay; a step that `stops` puts it out of use.

        `found` is what `look_up` read; asked only of a run that was made without the system.
        """
        return ()

    @classmethod
    def unrecorded_stays(cls) -> str:
        """Say why a revert leaves what others made, and what becomes of it."""
        return "the run did not make it"

    def stop(self, thing: Thing, found: Any) -> None:
        """Put a thing out of use before anything of its batch is removed; raise RemoteError."""
        raise NotImplementedError

    def stop_all(self, things: Sequence[Thing], found: Any) -> None:
        """Put things out of use before anything of their batch is removed; `found` is None, as below."""
        raise NotImplementedError

    def look_closer(self, things: Sequence[Thing], found: Any) -> Any:
        """Read, in bulk, what `remove` needs of a batch that was stopped; raise RemoteError."""
        return found

    def remove(self, thing: Thing, closer: Any) -> Removed:
        """Take back what `create` made and nothing else; safe to repeat; raise RemoteError.

        `closer` is what `look_closer` saw.
        """
        raise NotImplementedError

    def remove_all(self, things: Sequence[Thing], found: Any, *, discard: bool) -> Sequence[Removed]:
        """Take things back in bulk. `discard`: with what people added to them since.

        `found` is None: what lies in a database is looked up a few rows at a time, and not kept for this.
        """
        raise NotImplementedError

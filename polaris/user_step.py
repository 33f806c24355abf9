"""The step `platform_user`: a customer as the platform knows one, who signs in there and is shown there."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from kernel import (
    Action,
    Divergence,
    Fact,
    Facts,
    Made,
    RemoteError,
    Removal,
    Removed,
    Since,
    Step,
    Task,
    Thing,
    Verdict,
    Wanted,
    Works,
)
from polaris import reports, users
from polaris.activity import SignedIn, signed_in
from polaris.database import Cursor, PlatformDatabase
from polaris.errors import PolarisError
from polaris.users import NewUser, PlatformUser, Users

SYSTEM = "Polaris"
VARIABLES = ("POLARIS_DATABASE_URL",)
TRIES = 3  # at a public id that is free: there are some 656 billion
GONE = Removed(Removal.GONE)
STAYS = Removed(Removal.KEPT, "it was there before the run")
GIVEN_BACK = Removed(Removal.KEPT, "it was there before the run; its address is spelt as it was")
IS_STAFF = Removed(Removal.KEPT, "it is of the staff by now")


class PlatformUserStep(Step):
    """Comes before the Lago customer: at the news of one the platform would make a user of its own."""

    name = "platform_user"
    noun = "user"
    system = SYSTEM
    works = Works.PER_BATCH
    variables = VARIABLES
    is_missed = False
    finds_unrecorded = True
    repairs = frozenset({"missing"})
    harmless = ("capitals",)
    consequences = {
        "missing": "The customer cannot sign in at the platform, and its pages show them no session.",
        "capitals": "The customer cannot sign in at the platform.",
        "other_role": "Cards of staff are billed to nobody.",
    }

    def __init__(self, database: PlatformDatabase) -> None:
        self._database = database

    def preflight(self) -> None:
        self._database.preflight()

    def identity(self) -> str:
        return self._database.identity

    def address(self) -> str:
        return self._database.place

    def is_same(self, identity: str, things: Sequence[Thing]) -> bool:
        """Know it by what the run made in it: a restore or an upgrade of PostgreSQL changes its identity."""
        if super().is_same(identity, things) or not things:
            return True
        found = users.find(self._database, keys=[thing.ref for thing in things if thing.ref])
        there = {key: user.external_id for key, user in found.by_id.items()}
        return any(there.get(thing.ref) == thing.wanted.external_id for thing in things)

    # --- Plan ----------------------------------------------------------------------------------------

    def look_up(self, rows: Iterable[Wanted]) -> Users:
        rows = list(rows)
        return users.find(
            self._database,
            {row.external_id for row in rows if row.external_id},
            {row.email.lower() for row in rows if row.email},
        )

    def check(self, wanted: Wanted, found: Users) -> Verdict:
        problems = tuple(reports.unsupported_name(wanted))
        by_id = found.by_external_id.get(wanted.external_id) if wanted.external_id else None
        by_email = found.by_email.get(wanted.email.lower()) if wanted.email else None
        if any(user is not None and not user.is_customer for user in (by_id, by_email)):
            return Verdict(None, problems=(*problems, reports.of_staff(wanted)))
        if by_id is None and by_email is not None and by_email.external_id is None:
            directly = reports.signed_up_directly(wanted)
            return Verdict(None, problems=(*problems, reports.exists_unlinked(wanted)), leave=directly)
        if taken := _conflict(wanted, by_id, by_email):
            return Verdict(None, problems=(*problems, taken))
        if by_id is None:
            return Verdict(None if problems else Action.CREATE, problems=problems)
        capitals = by_id.has_capitals
        return Verdict(
            None if problems else Action.ADOPT,
            ref=by_id.id,
            problems=problems,
            exists=(reports.user_exists(wanted),),
            change=capitals,
            undo={"email": by_id.email} if capitals else None,
        )

    def tell(self, wanted: Wanted, ref: str, key: str) -> Facts:
        return {Fact.PLATFORM_USER: ref} if ref else {}

    # --- Apply ---------------------------------------------------------------------------------------

    def create_all(self, tasks: Sequence[Task]) -> Sequence[Made | RemoteError]:
        respelt = [task for task in tasks if task.verdict.change]
        new = [task for task in tasks if not task.verdict.change]
        made: dict[str, Made] = self._database.write(lambda cursor: self._respell(cursor, respelt))
        missing = [task.wanted for task in new]
        for _ in range(TRIES):
            if not missing:
                break
            ids = self._database.write(partial(self._make, wanted=missing))
            made |= {external_id: Made(key) for external_id, key in ids.items()}
            missing = [wanted for wanted in missing if wanted.external_id not in made]
            found = self.look_up(missing)
            made |= self._adopt([user for wanted in missing if (user := _own(wanted, found))])
            missing = [
                wanted
                for wanted in missing
                if wanted.external_id not in made and not _is_taken(wanted, found)
            ]
        return [made.get(task.wanted.external_id) or _conflicts() for task in tasks]

    def _make(self, cursor: Cursor, *, wanted: Sequence[Wanted]) -> dict[str, str]:
        if "lago_customers" in self._database.columns.may_clear:
            users.clear_cache(cursor, "lago_customers", [one.external_id for one in wanted])
        return users.make(
            cursor, [NewUser(one.external_id, one.display_name, one.email.lower()) for one in wanted]
        )

    def _adopt(self, found: Sequence[PlatformUser]) -> dict[str, Made]:
        """Take users whom the platform made itself since the plan, and put right who could not sign in."""
        capitals = {user.id: (str(user.email), user.login) for user in found if user.has_capitals}
        if capitals:
            self._database.write(lambda cursor: users.respell(cursor, capitals))
        return {
            str(user.external_id): Made(
                user.id, adopted=True, undo={"email": user.email} if user.id in capitals else None
            )
            for user in found
        }

    @staticmethod
    def _respell(cursor: Cursor, tasks: Sequence[Task]) -> dict[str, Made]:
        before = {task.verdict.ref: str((task.verdict.undo or {})["email"]) for task in tasks}
        if before:
            users.respell(cursor, {key: (email, email.lower()) for key, email in before.items()})
        return {task.wanted.external_id: _put_right(task) for task in tasks}

    # --- Reconcile -----------------------------------------------------------------------------------

    def look_again(self, things: Iterable[Thing], since: Since) -> Users:
        things = list(things)
        external_ids = {thing.wanted.external_id for thing in things}
        return users.find(self._database, external_ids, keys={thing.ref for thing in things if thing.ref})

    def key_of(self, thing: Thing, found: Users) -> str | None:
        return "" if thing.ref in found.by_id else None

    def compare(self, thing: Thing, found: Users) -> Sequence[Divergence]:
        user = found.by_external_id.get(thing.wanted.external_id)
        if user is None:
            return [reports.user_missing()]
        return list(reports.user_differences(thing, user))

    # --- Revert --------------------------------------------------------------------------------------

    def unrecorded(self, wanted: Wanted, found: Users) -> Sequence[Thing]:
        """Return whom the platform made of the Lago customer: it may have signed in there."""
        user = found.by_external_id.get(wanted.external_id)
        return [Thing(wanted, user.id, is_made=False)] if user is not None and user.is_customer else []

    @classmethod
    def unrecorded_stays(cls) -> str:
        return "the run did not make it; remove it on the platform if nobody needs it"

    def look_back(self, things: Iterable[Thing], since: Since) -> SignedIn:
        """Find who has signed in at the platform: at all, where the run made them, else since the run."""
        return signed_in(self._database, {thing.ref: _began(thing, since) for thing in things if thing.ref})

    def activity(
        self, things: Sequence[Thing], found: Any, back: SignedIn, since: Since
    ) -> Iterator[tuple[str, str]]:
        for thing in things:
            if thing.ref in back:
                yield thing.wanted.external_id, "signed in at the platform"

    def forecast(self, thing: Thing, found: Any, back: Any) -> str:
        return GIVEN_BACK.why if thing.undo else ""

    def remove_all(self, things: Sequence[Thing], found: Any, *, discard: bool) -> Sequence[Removed]:
        return self._database.write(lambda cursor: self._remove(cursor, things))

    def _remove(self, cursor: Cursor, things: Sequence[Thing]) -> Sequence[Removed]:
        olds = {thing.ref: str(thing.undo["email"]) for thing in things if thing.undo}
        if olds:
            users.respell(cursor, {key: (email.lower(), email) for key, email in olds.items()})
        made = [thing.ref for thing in things if not thing.undo]
        has_issued_cards = self._database.columns.may_read("issued_cards")
        gone = users.delete(cursor, made, has_issued_cards=has_issued_cards) if made else set()
        left = users.there(cursor, set(made) - gone) if len(gone) < len(made) else set()
        return [
            GIVEN_BACK if thing.ref in olds
            else Removed(Removal.REMOVED) if thing.ref in gone
            else IS_STAFF if thing.ref in left
            else GONE
            for thing in things
        ]  # fmt: skip


def _conflict(wanted: Wanted, by_id: PlatformUser | None, by_email: PlatformUser | None) -> Any:
    """Say what stands in the way: people are never merged and never moved."""
    if not wanted.email:
        return None  # the row has no address that could be compared, and is told so already
    if by_id is not None and by_id.login != wanted.email.lower():
        return reports.other_address(wanted)
    if by_email is not None and by_email.external_id != wanted.external_id:
        return reports.other_customer(wanted)
    return None


def _put_right(task: Task) -> Made:
    """Return who can sign in now; of whom a run of ours made nothing is given back."""
    ours = task.verdict.action is Action.DONE
    return Made(task.verdict.ref, adopted=not ours, undo=None if ours else task.verdict.undo)


def _own(wanted: Wanted, found: Users) -> PlatformUser | None:
    """Return the user of the same customer and address."""
    user = found.by_external_id.get(wanted.external_id)
    fits = user is not None and user.is_customer and user.login == wanted.email.lower()
    return user if fits else None


def _is_taken(wanted: Wanted, found: Users) -> bool:
    return wanted.external_id in found.by_external_id or wanted.email.lower() in found.by_email


def _conflicts() -> PolarisError:
    return PolarisError(
        "platform_user_conflict",
        "The platform has given the address or the customer to somebody else meanwhile",
    )


def _began(thing: Thing, since: Since) -> datetime | None:
    return None if thing.is_made and not thing.undo else since.started_at

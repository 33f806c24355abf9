"""The step `user`: a customer of ours, who signs in by a link in a mail."""

import secrets
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.db import connection
from django.db.models import QuerySet
from django.db.models.functions import Lower

from customers import bulk
from customers.models import BackfillRow, IdTagMapping, User, as_array, email_digest
from customers.steps import reports
from customers.steps.reports import UserFact, UserNow
from kernel import (
    Action,
    Divergence,
    Fact,
    Facts,
    Made,
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
from kernel.chunks import chunks
from kernel.invoice_columns import LOCALE
from polaris.reports import unsupported_name

AGAIN = "Run the same file again with --skip-existing: it is made again."
NEW = Verdict(Action.CREATE)
HELD = Removed(Removal.FAILED, "an idTag of the customer could not be removed")


@dataclass(slots=True)
class Users:
    """What exists, by address, which is in lower case everywhere, and by external_id.

    People do not tell case apart in these either, but only the database can say what it takes for one and the
    same: the key is as the row spells it.
    """

    by_email: dict[str, UserFact] = field(default_factory=dict)
    by_external_id: dict[str, UserFact] = field(default_factory=dict)

    def of_address(self, wanted: Wanted) -> UserFact | None:
        return self.by_email.get(wanted.email) if wanted.email else None


class UserStep(Step):
    name = "user"
    noun = "customer"
    works = Works.WITH_LEDGER
    row_column = "user_id"
    can_be_left = False
    consequences = {
        "missing": "Nobody can be told what is charged, and all cards of the customer have gone with it.",
        "inactive": "The customer cannot sign in. Their cards are left as they are.",
    }

    def __init__(self, *, beside_platform: bool = False) -> None:
        """Where a platform is connected its own step says what names it does not take."""
        self._beside_platform = beside_platform

    @classmethod
    def plural(cls) -> str:
        return "customers here"

    @classmethod
    def place(cls) -> str:
        return "customers in our database"

    # --- Plan ----------------------------------------------------------------------------------------

    def look_up(self, rows: Iterable[Wanted]) -> Users:
        rows, found = list(rows), Users()
        for user in _by_email({row.email for row in rows if row.email}):
            found.by_email[user.email] = user
        for spelt, user in _by_external_id({row.external_id for row in rows if row.external_id}):
            found.by_email[user.email] = user
            found.by_external_id[spelt] = user
        return found

    def check(self, wanted: Wanted, found: Users) -> Verdict:
        by_email = found.of_address(wanted)
        by_id = found.by_external_id.get(wanted.external_id) if wanted.external_id else None
        taken = (reports.email_taken(wanted, by_email), reports.id_taken(wanted, by_id))
        problems = tuple(filter(None, taken))
        if problems:
            return Verdict(None, problems=problems, leave=reports.signed_up_directly(wanted, by_email))
        warnings = () if self._beside_platform else tuple(unsupported_name(wanted))
        if by_id is None:
            return Verdict(Action.CREATE, warnings=warnings) if warnings else NEW
        return Verdict(Action.ADOPT, ref=str(by_id.pk), exists=reports.exists(wanted), warnings=warnings)

    def tell(self, wanted: Wanted, ref: str, key: str) -> Facts:
        return {Fact.USER_PK: int(ref)} if ref else {}

    # --- Apply ---------------------------------------------------------------------------------------

    def create_all(self, tasks: Sequence[Task]) -> Sequence[Made]:
        made = bulk.insert(User, [_user(task.wanted) for task in tasks])
        return [Made(str(pk)) for pk in made]

    # --- Reconcile -----------------------------------------------------------------------------------

    def look_again(self, things: Iterable[Thing], since: Since) -> dict[str, UserNow]:
        """Return the users that are there, by their number."""
        there = User.objects.filter(pk__among=_pks(things)).values_list("pk", "external_id", "is_active")
        return {str(pk): UserNow(external_id, is_active) for pk, external_id, is_active in there}

    def compare(self, thing: Thing, found: dict[str, UserNow]) -> list[Divergence]:
        user = found.get(thing.ref)
        if user is None:
            return [Divergence("missing", "a customer", "none", AGAIN)]
        return list(_differences(thing.wanted.external_id, user))

    # --- Revert --------------------------------------------------------------------------------------

    def activity(
        self, things: Sequence[Thing], found: Any, back: Any, since: Since
    ) -> Iterator[tuple[str, str]]:
        pks = _pks(things)
        for some in chunks(pks):
            yield from _visits(some, since)
            # An idTag that somebody gave the customer by hand, or that a later run gave.
            mappings = IdTagMapping.objects.filter(user_id__among=some, created_at__gte=since.started_at)
            others = mappings.exclude(backfill_rows__run=since.run_pk)
            for external_id in others.values_list("user__external_id", flat=True).distinct():
                yield external_id or "", "has other idTags"

    def remove_all(self, things: Sequence[Thing], found: Any, *, discard: bool) -> Sequence[Removed]:
        """Remove customers, unless something of theirs stays that is not ours to remove."""
        pks = _pks(things)
        if discard:
            IdTagMapping.objects.filter(user_id__in=pks).delete()
        held = set(IdTagMapping.objects.filter(user_id__in=pks).values_list("user_id", flat=True))
        gone = bulk.delete(User, set(pks) - held)
        return [
            HELD if pk in held else Removed(Removal.REMOVED if pk in gone else Removal.GONE) for pk in pks
        ]


def _pks(things: Iterable[Thing]) -> list[int]:
    return [int(thing.ref) for thing in things if thing.ref]


def _by_email(values: Iterable[str]) -> Iterator[UserFact]:
    for some in chunks(values):
        yield from _facts(User.objects.alias(key=Lower("email")).filter(key__among=some))


def _by_external_id(values: Iterable[str]) -> Iterator[tuple[str, UserFact]]:
    """Return each value that names a user, however it is spelt, with that user.

    Python and PostgreSQL disagree about the lower case of some letters, such as a last Σ.
    """
    for some in chunks(values):
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT new.value, old.id, old.email, old.external_id, old.role = %s"
                " FROM unnest(%s::text[]) AS new(value)"
                " JOIN customers_user AS old ON lower(old.external_id) = lower(new.value)",
                [User.Role.STAFF, as_array(some)],
            )
            yield from ((value, UserFact(*fact)) for value, *fact in cursor.fetchall())


def _facts(users: QuerySet[User]) -> Iterator[UserFact]:
    for pk, email, external_id, role in users.values_list("pk", "email", "external_id", "role"):
        yield UserFact(pk, email, external_id, role == User.Role.STAFF)


def _user(wanted: Wanted) -> dict[str, str]:
    return {
        "email": wanted.email,
        "display_name": wanted.display_name,
        "external_id": wanted.external_id,
        "locale": LOCALE.of(wanted) or "",
        # Unusable: customers sign in by magic link. Some other letters each time, as Django does: a fifth of
        # the time before a batch's calls went into choosing them one by one.
        "password": UNUSABLE_PASSWORD_PREFIX + secrets.token_urlsafe(30),
    }


def _differences(external_id: str, user: UserNow) -> Iterator[Divergence]:
    if user.external_id != external_id:
        remedy = "Correct the external_id of the customer, or of Lago."
        yield Divergence("other_key", external_id, user.external_id or "none", remedy)
    if not user.is_active:
        remedy = "Activate the customer in the admin, if that was not on purpose."
        yield Divergence("inactive", "active", "inactive", remedy)


def _visits(pks: Sequence[int], since: Since) -> Iterator[tuple[str, str]]:
    """Tell of who signed in, and whose address is no longer the one that the row had."""
    rows = BackfillRow.objects.filter(run=since.run_pk, user_id__among=pks)
    for external_id, digest, email, last_login in rows.values_list(
        "external_id", "email_digest", "user__email", "user__last_login"
    ):
        if last_login and last_login >= since.started_at:  # who was adopted may have been before
            yield external_id, "signed in"
        if digest and digest != email_digest(since.run_id, email):
            yield external_id, "changed the address"

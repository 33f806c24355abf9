"""What our own database knows about the rows of a file: read in a few queries, as plain values."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any

from django.db import connection
from django.db.models import QuerySet
from django.db.models.functions import Lower

from customers.models import BackfillStep, IdTagMapping, User
from kernel import StepName, Wanted

LOOK_UP_SIZE = 5_000  # values per query: one round trip costs more than a longer list up to about here


@dataclass(frozen=True, slots=True)
class UserFact:
    pk: int
    email: str
    external_id: str | None
    display_name: str
    is_staff: bool


@dataclass(frozen=True, slots=True)
class MappingFact:
    pk: int
    id_tag: str
    user_pk: int
    is_active: bool
    lago_subscription_external_id: str
    steve_ocpp_tag_pk: int | None = None


@dataclass(frozen=True, slots=True)
class LedgerFact:
    """A step that some run recorded for an external_id, and that still stands in the ledger."""

    run_pk: int
    id_tag: str  # of the row's card, in lower case; blank where its mapping has gone
    step: StepName
    state: str
    ref: str
    intended_at: datetime | None
    row_settled: bool
    alters: bool  # an adopted thing that was to be put right: never ours to delete


@dataclass(slots=True)
class World:
    """What exists. Addresses and idTags are keyed in lower case: people and SteVe do not tell case apart.

    Nor do people with an external_id, but only the database can say what its lower case is: here the key is
    the row's own spelling.
    """

    users_by_email: dict[str, UserFact] = field(default_factory=dict)
    users_by_external_id: dict[str, UserFact] = field(default_factory=dict)
    users_by_pk: dict[int, UserFact] = field(default_factory=dict)
    mappings: dict[str, MappingFact] = field(default_factory=dict)
    ledger: Mapping[str, list[LedgerFact]] = field(default_factory=dict)

    def add_user(self, user: UserFact) -> None:
        self.users_by_pk[user.pk] = user
        self.users_by_email[user.email.lower()] = user


def look_up(wanted: Sequence[Wanted]) -> World:
    """Read users, mappings and the ledger for all rows at once."""
    world = World()
    for user in _users_by_email({row.email.lower() for row in wanted if row.email}):
        world.add_user(user)
    for spelt, user in _users_by_external_id({row.external_id for row in wanted if row.external_id}):
        world.add_user(user)
        world.users_by_external_id[spelt] = user
    for mapping in _mappings({row.id_tag.lower() for row in wanted if row.id_tag}):
        world.mappings[mapping.id_tag.lower()] = mapping
    strangers = {m.user_pk for m in world.mappings.values()} - world.users_by_pk.keys()
    for user in _user_facts(User.objects.filter(pk__in=strangers)):
        world.users_by_pk[user.pk] = user
    world.ledger = _ledger({row.external_id for row in wanted if row.external_id})
    return world


def _users_by_email(values: Iterable[str]) -> Iterator[UserFact]:
    for some in chunks(values):
        yield from _user_facts(User.objects.alias(key=Lower("email")).filter(key__in=some))


def _users_by_external_id(values: Iterable[str]) -> Iterator[tuple[str, UserFact]]:
    """Give each value that names a user, however it is spelt, with that user.

    Python and PostgreSQL disagree about the lower case of some letters, such as a last Σ.
    """
    for some in chunks(values):
        spelt = _spellings(some)
        for user in _user_facts(User.objects.filter(pk__in=spelt)):
            yield from ((value, user) for value in spelt[user.pk])


def _spellings(external_ids: list[str]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT old.id, new.value FROM unnest(%s::text[]) AS new(value)"
            " JOIN customers_user AS old ON lower(old.external_id) = lower(new.value)",
            [external_ids],
        )
        for pk, value in cursor.fetchall():
            found[pk].append(value)
    return found


def _user_facts(users: QuerySet[User]) -> Iterator[UserFact]:
    for pk, email, external_id, name, role in users.values_list(
        "pk", "email", "external_id", "display_name", "role"
    ):
        yield UserFact(pk, email, external_id, name, role == User.Role.STAFF)


def _mappings(values: Iterable[str]) -> Iterator[MappingFact]:
    for some in chunks(values):
        found = IdTagMapping.objects.alias(key=Lower("id_tag")).filter(key__in=some)
        for fact in found.values_list(
            "pk", "id_tag", "user_id", "is_active", "lago_subscription_external_id", "steve_ocpp_tag_pk"
        ):
            yield MappingFact(*fact)


STANDING = (BackfillStep.State.CREATED, BackfillStep.State.ADOPTED, BackfillStep.State.INTENDED)


def _ledger(external_ids: Iterable[str]) -> dict[str, list[LedgerFact]]:
    facts: dict[str, list[LedgerFact]] = defaultdict(list)
    for some in chunks(external_ids):
        steps = BackfillStep.objects.filter(row__external_id__in=some, state__in=STANDING)
        for external_id, run_pk, id_tag, name, state, ref, intended_at, undo, outcome in steps.values_list(
            "row__external_id",
            "row__run_id",
            "row__mapping__id_tag",
            "name",
            "state",
            "ref",
            "intended_at",
            "undo",
            "row__outcome",
        ):
            settled = outcome not in ("", "failed")
            card = (id_tag or "").lower()
            facts[external_id].append(
                LedgerFact(int(run_pk), card, StepName(name), state, ref, intended_at, settled, bool(undo))
            )
    return facts


def chunks(values: Iterable[Any], size: int = LOOK_UP_SIZE) -> Iterator[list[Any]]:
    remaining = iter(values)
    while some := list(islice(remaining, size)):
        yield some

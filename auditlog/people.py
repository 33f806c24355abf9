"""Who is meant by the numbers in the audit log, which keeps no names: looked up for whoever reads it.

Staff are told by name, customers by their external_id, as the log itself tells them.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import Q

from auditlog.models import AuditEntry
from auditlog.words import details, in_words

STAFF, CUSTOMER = "staff", "customer"
ACTORS = (STAFF, CUSTOMER)
SUBJECTS = ("user",)  # in a subject, `customer:` goes before an external_id
FOUND_AT_MOST = 100
MEMBER = re.compile(rf"\b{STAFF}:[0-9]{{1,18}}\b")


@dataclass(frozen=True, slots=True)
class Told:
    """An entry as people read it."""

    entry: AuditEntry
    who: str
    about: str
    what: str
    details: str


def told(found: Iterable[AuditEntry]) -> list[Told]:
    """Return the entries with names for the numbers of who acted and whom it was about, in one query."""
    entries = [(entry, details(entry.data)) for entry in found]
    people = _people(
        [
            *_numbers([one.actor for one, _ in entries], ACTORS),
            *_numbers([one.subject for one, _ in entries], SUBJECTS),
            *_numbers(_members(more for _, more in entries), ACTORS),
        ]
    )
    return [
        Told(
            entry,
            _named(entry.actor, ACTORS, people),
            _named(entry.subject, SUBJECTS, people),
            in_words(entry.action),
            MEMBER.sub(lambda one: _named(one[0], ACTORS, people), more),
        )
        for entry, more in entries
    ]


def actor_names(actors: Iterable[str]) -> Mapping[str, str]:
    """Return a readable name for each: of who is gone, the number; of what is no person, the word itself."""
    known = list(actors)
    people = _people(_numbers(known, ACTORS))
    return {actor: _named(actor, ACTORS, people) for actor in known}


def with_names(text: str) -> str:
    """Name the staff in a sentence that knows them by number, as our records do."""
    return all_with_names([text])[0]


def all_with_names(texts: Iterable[str]) -> list[str]:
    """Name the staff in sentences, in one query for all of them."""
    known = list(texts)
    found = _members(known)
    names = actor_names(found) if found else {}
    return [MEMBER.sub(lambda one: names[one[0]], text) for text in known]


def _members(texts: Iterable[str]) -> set[str]:
    return {one for text in texts for one in MEMBER.findall(text)}


def actors_called(text: str) -> list[str]:
    """Return under which actors the log has the staff whose name or address has this in it."""
    named = Q(display_name__icontains=text) | Q(email__icontains=text)
    found = get_user_model().objects.filter(named, role=STAFF).values_list("pk", flat=True)
    return [f"{STAFF}:{pk}" for pk in found[:FOUND_AT_MOST]]


def _numbers(keys: Iterable[str], kinds: Sequence[str]) -> list[int]:
    return [number for key in keys if (number := _number(key, kinds)) is not None]


def _number(key: str, kinds: Sequence[str]) -> int | None:
    """Read the number of `kind:number`; None for all else, and for more digits than a number of ours has."""
    kind, _, number = key.partition(":")
    return (
        int(number) if kind in kinds and number.isascii() and number.isdigit() and len(number) < 19 else None
    )


def _people(numbers: Iterable[int]) -> Mapping[int, Any]:
    wanted = set(numbers)
    return get_user_model().objects.in_bulk(wanted) if wanted else {}


def _named(key: str, kinds: Sequence[str], people: Mapping[int, Any]) -> str:
    number = _number(key, kinds)
    if number is None:
        return key
    person = people.get(number)
    if person is None:
        return f"{key.replace(':', ' ')}, deleted"
    if person.is_staff:
        return f"{person.display_name or person.email}{'' if person.is_active else ', deactivated'}"
    return person.external_id or f"{CUSTOMER} {number}"

"""The idTags of the REST API: what is shown, what may be written, what can be asked for."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from rehearsal.steve.folding import folded, plain
from rehearsal.steve.forms import TagForm
from rehearsal.steve.queries import Query
from rehearsal.steve.tables import Tag, iso
from rehearsal.steve.tag_table import RefusalError
from rehearsal.steve.versions import V3_8
from rehearsal.steve.world import World

FLAGS = ("ALL", "TRUE", "FALSE")
USER_FILTERS = ("All", "OnlyTagsWithUser", "OnlyTagsWithoutUser")
WILDCARDS = {"%": ".*", "_": "."}

Condition = Callable[[Tag], bool]


def overview(world: World, tag: Tag) -> dict[str, Any]:
    """Return the OpenAPI description's `OcppTagOverview`."""
    return _shown(world, tag, world.running(tag))


def overviews(world: World, tags: list[Tag]) -> list[dict[str, Any]]:
    running = world.running_by_tag()
    return [_shown(world, tag, running[tag.pk]) for tag in tags]


def _shown(world: World, tag: Tag, running: int) -> dict[str, Any]:
    parent = None if tag.parent_id_tag is None else world.tag(tag.parent_id_tag)
    shown = {
        "ocppTagPk": tag.pk,
        "parentOcppTagPk": parent.pk if parent else None,
        "idTag": tag.id_tag,
        "parentIdTag": tag.parent_id_tag,
        "inTransaction": running > 0,
        "blocked": tag.is_blocked,
        "expiryDate": iso(tag.expiry_date),
        "maxActiveTransactionCount": tag.max_active_transaction_count,
        "activeTransactionCount": running,
        "note": tag.note,
    }
    return shown | {"userPk": tag.user_pk} if world.version >= V3_8 else shown


def create(world: World, form: TagForm) -> Tag:
    form.require_storable()
    return world.add_tag(
        form.id_tag,
        max_active_transaction_count=form.max_active_transaction_count,
        parent_id_tag=form.parent_id_tag,
        expiry_date=form.expiry_date,
        note=form.note,
    )


def replace(world: World, tag: Tag, form: TagForm) -> None:
    """Replace every field of the form, with nothing where it is left out; idTag and user stay.

    A cycle of parents is not noticed.
    """
    form.require_storable()
    if not world.knows_parent(form.parent_id_tag):
        raise RefusalError(500, "Execution of updateOcppTag for idTag FAILED.")
    tag.max_active_transaction_count = form.max_active_transaction_count
    tag.parent_id_tag = form.parent_id_tag
    tag.expiry_date = form.expiry_date
    tag.note = form.note


def expire(world: World, tag: Tag) -> None:
    """Let it have expired just now."""
    tag.expiry_date = world.now() - timedelta(milliseconds=1)


def filtered(world: World, query: Query) -> list[Tag]:
    """Find what meets all conditions; raise RefusalError where one is none."""
    conditions = [*_flags(world, query), *_fields(world, query), *_notes(query)]
    return [tag for tag in world.tags.values() if all(condition(tag) for condition in conditions)]


def _flags(world: World, query: Query) -> list[Condition]:
    now, running = world.now(), world.running_by_tag()
    flags: dict[str, Condition] = {
        "blocked": lambda tag: tag.is_blocked,
        "expired": lambda tag: tag.is_expired(now),
        "inTransaction": lambda tag: running[tag.pk] > 0,
    }
    asked = {name: query.word(name, FLAGS) for name in flags}
    return [_is(flags[name], word == "TRUE") for name, word in asked.items() if word != "ALL"]


def _is(flag: Condition, wanted: bool) -> Condition:
    return lambda tag: flag(tag) == wanted


def _fields(world: World, query: Query) -> list[Condition]:
    found: list[Condition] = []
    pk, user_pk = query.number("ocppTagPk"), query.number("userId")
    id_tag, parent = folded(query.text("idTag").strip()), folded(query.text("parentIdTag").strip())
    if pk is not None:
        found.append(lambda tag: tag.pk == pk)
    if user_pk is not None:
        found.append(lambda tag: tag.user_pk == user_pk)
    if id_tag:
        found.append(lambda tag: folded(tag.id_tag) == id_tag)
    if parent:
        found.append(lambda tag: folded(tag.parent_id_tag or "") == parent)
    users = query.word("userFilter", USER_FILTERS) if world.version >= V3_8 else "All"
    if users != "All":
        found.append(lambda tag: (tag.user_pk is not None) == (users == "OnlyTagsWithUser"))
    return found


def _notes(query: Query) -> list[Condition]:
    """Compare notes as LIKE does: anywhere, without case and accents, `%` and `_` standing for others."""
    wanted = query.text("note")
    if not wanted.strip():
        return []
    pattern = "".join(WILDCARDS.get(letter, re.escape(letter)) for letter in plain(wanted))
    like = re.compile(pattern, re.DOTALL)
    return [lambda tag: tag.note is not None and bool(like.search(plain(tag.note)))]

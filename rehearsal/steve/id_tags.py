"""The idTags of the REST API: what is shown, what may be written, what can be asked for."""

from collections.abc import Callable, Mapping
from typing import Any

from rehearsal.steve.tables import Tag, iso
from rehearsal.steve.world import NOT_UNDERSTOOD, RefusalError, World, instant_given


def overview(world: World, tag: Tag) -> dict[str, Any]:
    """Return the OpenAPI description's `OcppTagOverview`."""
    parent = world.tag(tag.parent_id_tag) if tag.parent_id_tag else None
    running = world.running(tag)
    return {
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
        "userPk": tag.user_pk,
    }


def create(world: World, form: Mapping[str, Any]) -> Tag:
    fields = _form_fields(world, form)
    return world.add_tag(form["idTag"], **fields)


def replace(world: World, tag: Tag, form: Mapping[str, Any]) -> None:
    """Replace every field of the form, with nothing where it is left out; the idTag itself stays."""
    for name, value in _form_fields(world, form).items():
        setattr(tag, name, value)


def _form_fields(world: World, form: Mapping[str, Any]) -> dict[str, Any]:
    expiry_date = instant_given(form["expiryDate"]) if form.get("expiryDate") else None
    world.require_api_form(form.get("idTag"), form.get("parentIdTag"), expiry_date)
    limit = form.get("maxActiveTransactionCount")
    return {
        "max_active_transaction_count": 1 if limit is None else limit,
        "parent_id_tag": form.get("parentIdTag"),
        "expiry_date": expiry_date,
        "note": form.get("note") or None,
    }


def filtered(world: World, query: Mapping[str, str]) -> list[Tag]:
    now = world.now()
    flags: dict[str, Callable[[Tag], bool]] = {
        "blocked": lambda tag: tag.is_blocked,
        "expired": lambda tag: tag.is_expired(now),
        "inTransaction": lambda tag: world.running(tag) > 0,
    }
    texts: dict[str, Callable[[Tag], object]] = {
        "ocppTagPk": lambda tag: tag.pk,
        "idTag": lambda tag: tag.id_tag,
        "parentIdTag": lambda tag: tag.parent_id_tag or "",
        "userId": lambda tag: tag.user_pk or "",
    }
    found = list(world.tags.values())
    for name, value_of in texts.items():
        if name in query:
            found = [tag for tag in found if str(value_of(tag)).casefold() == query[name].casefold()]
    for name, is_true in flags.items():
        asked = query.get(name, "ALL")
        if asked not in ("ALL", "TRUE", "FALSE"):
            raise RefusalError(400, NOT_UNDERSTOOD)
        found = [tag for tag in found if asked == "ALL" or (asked == "TRUE") == is_true(tag)]
    return [tag for tag in found if query.get("note", "") in (tag.note or "")]

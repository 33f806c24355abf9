"""Make a mapping of what was chosen on the page, over what it has no fields for."""

from collections.abc import Mapping
from typing import Any

from django.http import QueryDict

from customers.backfill.kept_mappings import NAMED_SO, is_name
from customers.backfill.source import FileMapping, SourceError, parse_mapping
from customers.backfill.source.mapping.amiss import UNDECIDED
from customers.backfill.source.mapping.model import FIELDS, Form, LeaveOut, Origin
from customers.backfill.source.mapping.reading import load_document, mapping_of
from customers.backfill.source.mapping.writing import write_mapping

NOTHING = "(nothing)"  # a blank cell, where values stand a line each
CONSTANT = "="
COLUMN = "c:"  # before the name of a column, so that none is taken for something else
ON_PAGE = ("sheet", "encoding", "delimiter", "hidden_rows", "date_format", "decimal_mark")


def mapping_from(post: QueryDict, name: str) -> tuple[FileMapping, str]:
    """Return the mapping and the text of its file; raise SourceError with all that is wrong in it.

    The text that the page was made of stays as it is, comments and all, if it says the same.
    """
    text = base_of(post)
    base = parse_mapping(name, text)
    mapping = mapping_of(name, chosen_in(post, base))
    same = text and mapping.as_document() == base.as_document()
    return mapping, text if same else write_mapping(mapping)


def chosen_in(post: QueryDict, base: FileMapping) -> dict[str, Any]:
    """Return the document of what was chosen, right or wrong."""
    return _document(post, base.as_document())


def sound_part(name: str, document: Mapping[str, Any]) -> FileMapping:
    """Make a mapping of all in a document that is right, so that one mistake does not cost the rest."""
    sound: dict[str, Any] = {}
    for section, part in document.items():
        if isinstance(part, list):
            sound[section] = [one for one in part if _is_right(name, {section: [one]})]
            continue
        beside = {"values": document.get("values", {})} if section == "defaults" else {}
        sound[section] = {
            key: value for key, value in part.items() if _is_right(name, {**beside, section: {key: value}})
        }
    return mapping_of(name, sound) if _is_right(name, sound) else FileMapping(name)


def _is_right(name: str, document: Mapping[str, Any]) -> bool:
    try:
        mapping_of(name, document)
    except SourceError:
        return False
    return True


def mapping_of_file(name: str, text: str) -> tuple[FileMapping, str]:
    """Return what a file says, and its text; raise SourceError.

    In a draft, question marks stand where nothing is decided; here that is where nothing is chosen yet.
    """
    document = load_document(name, text)
    decided = _decided(document)
    if decided == document:
        return parse_mapping(name, text), text
    mapping = mapping_of(name, decided, text)
    return mapping, write_mapping(mapping)


def _decided(told: Any) -> Any:
    if not isinstance(told, dict):
        return told
    return {key: _decided(value) for key, value in told.items() if value != UNDECIDED}


def base_of(post: QueryDict) -> str:
    """Return the text that the page was made of; browsers send its lines with other ends."""
    return post.get("base", "").replace("\r\n", "\n")


def form_from(post: QueryDict) -> dict[str, Any]:
    """Return how the file is made, as the page says it."""
    told: dict[str, Any] = {name: value for name in ON_PAGE if (value := post.get(f"file.{name}", ""))}
    told["date_format"] = told.get("date_format", "").strip()
    line = post.get("file.header_line", "").strip()
    if line:
        told["header_line"] = int(line) if line.isdecimal() and len(line) < 10 else line
    return {name: value for name, value in told.items() if value}


def amiss(post: QueryDict) -> list[str]:
    """Say what is chosen half, or means nothing; the rest of what was chosen stands all the same."""
    blank = [
        name
        for name in FIELDS
        if post.get(f"field.{name}") == CONSTANT and not post.get(f"constant.{name}", "").strip()
    ]
    found = [f"{name}: say the value that is the same for all rows, under the drop-down." for name in blank]
    if not is_name(post.get("save_as", "").strip()):
        found.append(NAMED_SO)
    return found


def is_read_otherwise(one: Form, other: Form) -> bool:
    """Return whether the columns may be others, so that what was chosen of them means nothing any more."""
    names = ("header_line", "sheet", "list", "encoding", "delimiter")
    return any(getattr(one, name) != getattr(other, name) for name in names)


def _document(post: QueryDict, base: Mapping[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in base.get("file", {}).items() if name == "list"}
    values, defaults = {**base.get("values", {})}, {**base.get("defaults", {})}
    values["plan_code"] = _plans(post, values.get("plan_code", {}))
    defaults["plan_code"] = post.get("default", "")
    document = {
        "file": {**kept, **form_from(post)},
        "fields": _fields(post, base.get("fields", {})),
        "cards": _cards(post, base.get("cards", {})),
        "values": {name: pairs for name, pairs in values.items() if pairs},
        "defaults": {name: value for name, value in defaults.items() if value},
        "leave_out": _leave_out(post),
    }
    return {name: value for name, value in document.items() if value}


def _fields(post: QueryDict, before: Mapping[str, Any]) -> dict[str, Any]:
    """Return where each field comes from; one that has the column's name need not be said anew."""
    found = {name: origin for name in FIELDS if (origin := _origin(post, name))}
    return {
        name: origin
        for name, origin in found.items()
        if name in before or not isinstance(origin, str) or origin.casefold() != name
    }


def _origin(post: QueryDict, name: str) -> Any:
    first, *more = [post.get(f"field.{name}", ""), *post.getlist(f"more.{name}")]
    if first == CONSTANT:
        constant = post.get(f"constant.{name}", "")
        return Origin(constant=constant).as_document() if constant.strip() else None
    columns = tuple(one.removeprefix(COLUMN) for one in (first, *more) if one.startswith(COLUMN))
    if not columns:
        return None
    joined = post.get(f"joined.{name}", " ")
    return Origin(columns, joined, numbers=f"numbers.{name}" in post).as_document()


def _plans(post: QueryDict, before: Mapping[str, str]) -> dict[str, str]:
    """Return what each old tariff is now; those that the page did not show stay.

    A page on which every value is a plan's code already says nothing.
    """
    given, meant = post.getlist("given"), post.getlist("meant")
    others = {value: code for value, code in before.items() if value not in given}
    chosen = {value: code for value, code in zip(given, meant, strict=False) if code}
    pairs = {**others, **chosen}
    said = post.get("default", "") or any(value != code for value, code in pairs.items())
    return pairs if said or before else {}


def _cards(post: QueryDict, before: Mapping[str, Any]) -> dict[str, Any]:
    text, prefixes = post.get("cards.remove_prefixes", ""), before.get("remove_prefixes", [])
    if text != ", ".join(prefixes):  # else they stay as a file says them, blanks and commas in them too
        prefixes = [one for given in text.split(",") if (one := given.strip())]
    pad = post.get("cards.pad_to", "").strip()
    told: dict[str, Any] = {
        "remove_prefixes": prefixes,
        "remove_separators": post.get("cards.remove_separators", ""),
        "pad_to": int(pad) if pad.isdecimal() and len(pad) < 10 else pad,
        **{name: f"cards.{name}" in post for name in ("decimal_to_hex", "reverse_bytes", "upper_case")},
    }
    return {name: value for name, value in told.items() if value}


def _leave_out(post: QueryDict) -> list[dict[str, Any]]:
    columns, hows, texts = (post.getlist(f"leave.{name}") for name in ("column", "how", "values"))
    found = []
    for column, how, text in zip(columns, hows, texts, strict=False):
        lines = (line.strip() for line in text.splitlines())
        values = tuple("" if line == NOTHING else line for line in lines if line)
        if column.startswith(COLUMN) and values:
            kind = "unless" if how == "unless" else "values"
            found.append(LeaveOut(column.removeprefix(COLUMN), **{kind: values}).as_document())
    return found

"""Read a mapping file (TOML 1.0): checked whole, with the line and key of whatever is wrong in it."""

import json
import re
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from customers.backfill.source.mapping.amiss import UNDECIDED, Found, Key, invalid
from customers.backfill.source.mapping.model import (
    FIELDS,
    PERSONAL,
    TRANSLATABLE,
    Cards,
    FileMapping,
    Form,
    LeaveOut,
    Origin,
    Translation,
)
from customers.backfill.source.model import SourceError
from kernel.days import is_date_format

MAX_BYTES = 1_000_000
MAX_HEADER_LINE = 1_000
MAX_ID_TAG = 20
MAX_DOTS = 50  # in a row of names or numbers; tomllib takes minutes for a key of a hundred thousand parts
_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")  # as JSON writes it, and not the six characters themselves
_SECTIONS = ("file", "fields", "values", "defaults", "cards", "leave_out")
_CHOICES = {"hidden_rows": ("include", "leave-out"), "decimal_mark": (".", ",")}


def read_mapping(path: Path) -> FileMapping:
    """Read a mapping file; raise SourceError."""
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise invalid(
            path.name, f"the mapping cannot be read ({error.strerror}).", "Check the path."
        ) from None
    if len(data) > MAX_BYTES:
        raise invalid(path.name, f"the mapping is larger than {MAX_BYTES:,} bytes.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise invalid(path.name, "the mapping is not UTF-8 text.", "Save it as UTF-8.") from None
    return parse_mapping(path.name, text)


def parse_mapping(name: str, text: str) -> FileMapping:
    """Read the text of a mapping file; raise SourceError with all that is wrong in it."""
    return mapping_of(name, load_document(name, text), text)


def load_document(name: str, text: str) -> dict[str, Any]:
    """Read TOML that anybody may have written; raise SourceError."""
    if len(text) > MAX_BYTES:
        raise invalid(name, f"the mapping is larger than {MAX_BYTES:,} bytes.")
    if any(part.count(".") > MAX_DOTS for part in re.split(r"[\n=,{}\[\]#]|\.\.", text)):
        raise invalid(name, "this is nested too deeply.")
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        told = f"this is not TOML: {error}."
        raise invalid(name, told, "A text stands in quotation marks; a key appears once.") from None
    except ValueError:  # Python's own limit
        raise invalid(name, "a number in it has too many digits.") from None
    except RecursionError:
        raise invalid(name, "this is nested too deeply.") from None


def mapping_of(name: str, document: Mapping[str, Any], text: str = "") -> FileMapping:
    """Make a mapping of what a file (`text`) or a form says; raise SourceError with all that is wrong."""
    if _NUL.search(json.dumps(document, default=str)):
        raise invalid(name, "a NUL character is in it, which no column, value or code has.")
    found = Found()
    mapping = _mapping(name, document, found)
    if found:
        raise SourceError(*found.problems(name, text))
    return mapping


def _mapping(name: str, document: Mapping[str, Any], found: Found) -> FileMapping:
    parts = {one: document[one] for one in found.known((), list(document), _SECTIONS)}
    tables = {one: found.table((one,), parts.get(one, {})) for one in _SECTIONS if one != "leave_out"}
    origins = tables["fields"]
    return FileMapping(
        name,
        _form(tables["file"], found),
        {
            one: _origin(("fields", one), origins[one], found)
            for one in found.known(("fields",), [*origins], FIELDS)
        },
        _translations(tables["values"], tables["defaults"], found),
        _cards(tables["cards"], found),
        _leave_out(parts.get("leave_out", []), found),
    )


def _form(told: Mapping[str, Any], found: Found) -> Form:
    form: dict[str, Any] = {}
    for name in found.known(("file",), [*told], Form.__slots__):
        key, value = ("file", name), told[name]
        if name == "header_line":
            form[name] = found.number(key, value, MAX_HEADER_LINE)
        elif name == "delimiter":
            form[name] = found.text(key, value, blank=value == "\t")
        else:
            form[name] = found.text(key, value)
        if name in _CHOICES and value != UNDECIDED and form[name] not in _CHOICES[name]:
            found.say(key, f"this has to be {' or '.join(_CHOICES[name])}.")
        if name == "date_format" and form[name] and not is_date_format(form[name]):
            found.say(key, "this has to name year, month and day.", "For example %d.%m.%Y.")
    return Form(**form)


def _origin(key: Key, value: Any, found: Found) -> Origin:
    if isinstance(value, str):
        return Origin((found.text(key, value),))
    told = found.table(key, value)
    kinds = [kind for kind in ("column", "columns", "constant") if kind in told]
    if len(kinds) != 1:
        hint = 'For example "Tarif", { columns = ["First", "Last"] } or { constant = "standard" }.'
        found.say(key, "this needs one of column, columns and constant.", hint)
        return Origin()
    (kind,) = kinds
    allowed = {"column": ("numbers",), "columns": ("joined_with", "numbers"), "constant": ()}[kind]
    for name in set(told) - {kind, *allowed}:
        found.say((*key, name), f"this has no meaning beside {kind}.")
    if kind == "constant" and key[-1] in PERSONAL:
        found.say((*key, kind), "every row would have it; customers and cards differ.")
    if kind == "constant":
        return Origin(constant=found.text((*key, kind), told[kind]))
    columns = found.texts((*key, kind), told[kind])
    if any(not column.strip() for column in columns):
        found.say((*key, kind), "the name of a column is blank.")
    if len({column.strip().casefold() for column in columns}) < len(columns):
        found.say((*key, kind), "a column is named twice.")
    joined = found.text((*key, "joined_with"), told.get("joined_with", " "), blank=True)
    return Origin(columns, joined, numbers=found.flag((*key, "numbers"), told.get("numbers", False)))


def _translations(
    values: Mapping[str, Any], defaults: Mapping[str, Any], found: Found
) -> dict[str, Translation]:
    translations = {
        name: Translation(
            _pairs(("values", name), values[name], found),
            found.text(("defaults", name), defaults[name]) if name in defaults else None,
        )
        for name in found.known(("values",), [*values], TRANSLATABLE)
    }
    for name in found.known(("defaults",), [*defaults], TRANSLATABLE):
        if name not in values:
            hint = f"Name at least one in [values.{name}], or use {{ constant = … }} in [fields]."
            found.say(("defaults", name), "a default is for what [values] does not name.", hint)
    return translations


def _pairs(key: Key, value: Any, found: Found) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for given, meant in found.table(key, value).items():
        if given.strip() in pairs:
            found.say((*key, given), "this value is named twice; blanks around it do not count.")
        pairs[given.strip()] = found.text((*key, given), meant, blank=True)
    return pairs


def _cards(told: Mapping[str, Any], found: Found) -> Cards:
    readers: Mapping[str, Callable[[Key, Any], Any]] = {
        "remove_prefixes": found.texts,
        "remove_separators": lambda key, value: found.text(key, value, blank=True),
        "decimal_to_hex": found.flag,
        "pad_to": lambda key, value: found.number(key, value, MAX_ID_TAG),
        "reverse_bytes": found.flag,
        "upper_case": found.flag,
    }
    names = found.known(("cards",), [*told], [*readers])
    cards = Cards(**{name: readers[name](("cards", name), told[name]) for name in names})
    if not all(map(str.strip, cards.remove_prefixes)):
        found.say(("cards", "remove_prefixes"), "a prefix is blank.")
    if any(char.isalnum() for char in cards.remove_separators):
        found.say(("cards", "remove_separators"), "letters and digits are no separators.")
    return cards


def _leave_out(value: Any, found: Found) -> tuple[LeaveOut, ...]:
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        found.say(("leave_out",), "this has to be a list of tables.", "Begin each with [[leave_out]].")
        return ()
    return tuple(_one_left_out(number, told, found) for number, told in enumerate(value, start=1))


def _one_left_out(number: int, told: Mapping[str, Any], found: Found) -> LeaveOut:
    key = ("leave_out", str(number))
    list(found.known(key, [*told], ("column", "values", "unless")))
    column = found.text((*key, "column"), told.get("column", ""))
    if ("values" in told) is ("unless" in told):
        found.say(key, "this needs either values or unless.", 'For example values = ["cancelled"].')
        return LeaveOut(column)
    values, unless = (
        found.texts((*key, name), told[name]) if name in told else () for name in ("values", "unless")
    )
    return LeaveOut(column, values, unless)

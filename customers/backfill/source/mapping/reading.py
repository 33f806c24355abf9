"""Read a mapping file (TOML 1.0): checked whole, with the line and key of whatever is wrong in it."""

import json
import re
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

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
from kernel import Problem

MAX_BYTES = 1_000_000
MAX_HEADER_LINE = 1_000
MAX_ID_TAG = 20
MAX_DOTS = 50  # in a row of names or numbers; tomllib takes minutes for a key of a hundred thousand parts
_SECTIONS = ("file", "fields", "values", "defaults", "cards", "leave_out")
_CHOICES = {"hidden_rows": ("include", "leave-out"), "decimal_mark": (".", ",")}

UNDECIDED = "?"  # stands where somebody has still to say what is meant

Key = tuple[str, ...]  # where something stands: section, and keys below it
Told = tuple[Key, str, str]  # of which key, what is wrong with it, and what to do


def read_mapping(path: Path) -> FileMapping:
    """Read a mapping file; raise SourceError."""
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise _invalid(
            path.name, f"the mapping cannot be read ({error.strerror}).", "Check the path."
        ) from None
    if len(data) > MAX_BYTES:
        raise _invalid(path.name, f"the mapping is larger than {MAX_BYTES:,} bytes.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _invalid(path.name, "the mapping is not UTF-8 text.", "Save it as UTF-8.") from None
    return parse_mapping(path.name, text)


def parse_mapping(name: str, text: str) -> FileMapping:
    """Read the text of a mapping file; raise SourceError with all that is wrong in it."""
    return mapping_of(name, load_document(name, text), text)


def load_document(name: str, text: str) -> dict[str, Any]:
    """Read TOML that anybody may have written; raise SourceError."""
    if len(text) > MAX_BYTES:
        raise _invalid(name, f"the mapping is larger than {MAX_BYTES:,} bytes.")
    if any(part.count(".") > MAX_DOTS for part in re.split(r"[\n=,{}\[\]#]|\.\.", text)):
        raise _invalid(name, "this is nested too deeply.")
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        told = f"this is not TOML: {error}."
        raise _invalid(name, told, "A text stands in quotation marks; a key appears once.") from None
    except ValueError:  # Python's own limit
        raise _invalid(name, "a number in it has too many digits.") from None
    except RecursionError:
        raise _invalid(name, "this is nested too deeply.") from None


def mapping_of(name: str, document: Mapping[str, Any], text: str = "") -> FileMapping:
    """Make a mapping of what a file (`text`) or a form says; raise SourceError with all that is wrong."""
    if r"\u0000" in json.dumps(document, default=str):
        raise _invalid(name, "a NUL character is in it, which no column, value or code has.")
    found = _Found()
    mapping = _mapping(name, document, found)
    if found:
        lines = _lines(text)
        raise SourceError(*(_problem(name, lines, told) for told in found))
    return mapping


class _Found(list[Told]):
    """What is wrong, collected while the document is read."""

    def say(self, key: Key, told: str, hint: str = "") -> None:
        self.append((key, told, hint))

    def undecided(self, key: Key, value: Any) -> bool:
        """Say of a question mark that it is one, whatever belongs in its place."""
        if value != UNDECIDED:
            return False
        self.say(key, "this is not decided yet.", "Put what is meant in place of the question mark.")
        return True

    def text(self, key: Key, value: Any, *, blank: bool = False) -> str:
        """Return a text that has to be one."""
        if self.undecided(key, value):
            return ""
        if not isinstance(value, str):
            self.say(key, "this has to be a text.", "Put it in quotation marks.")
        elif not value.strip() and not blank:
            self.say(key, "this is blank.")
        else:
            return value
        return ""

    def texts(self, key: Key, value: Any) -> tuple[str, ...]:
        """Return a list of texts; one text stands for a list of one."""
        if self.undecided(key, value):
            return ()
        given = [value] if isinstance(value, str) else value
        if not isinstance(given, list) or not given or not all(isinstance(one, str) for one in given):
            self.say(key, "this has to be a list of texts.", 'For example ["cancelled", "ended"].')
            return ()
        return tuple(given)

    def flag(self, key: Key, value: Any) -> bool:
        if not self.undecided(key, value) and not isinstance(value, bool):
            self.say(key, "this has to be true or false.")
        return value is True

    def number(self, key: Key, value: Any, most: int) -> int:
        if self.undecided(key, value):
            return 1
        if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
            self.say(key, f"this has to be a whole number from 1 to {most}.")
            return 1
        return value

    def table(self, key: Key, value: Any) -> Mapping[str, Any]:
        if not isinstance(value, dict):
            self.say(key, "this has to be a table.", f"Begin it with [{'.'.join(key)}].")
            return {}
        return value

    def known(self, key: Key, names: Sequence[str], known: Sequence[str]) -> Iterator[str]:
        """Return the names that there are, and say of others what may have been meant."""
        for name in names:
            if name in known:
                yield name
            else:
                close = get_close_matches(name.casefold(), known, n=1, cutoff=0.6)
                hint = f"Did you mean {close[0]}?" if close else f"Known are {', '.join(known)}."
                self.say((*key, name), "there is no such key.", hint)


def _mapping(name: str, document: Mapping[str, Any], found: _Found) -> FileMapping:
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


def _form(told: Mapping[str, Any], found: _Found) -> Form:
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
    return Form(**form)


def _origin(key: Key, value: Any, found: _Found) -> Origin:
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
    values: Mapping[str, Any], defaults: Mapping[str, Any], found: _Found
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


def _pairs(key: Key, value: Any, found: _Found) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for given, meant in found.table(key, value).items():
        if given.strip() in pairs:
            found.say((*key, given), "this value is named twice; blanks around it do not count.")
        pairs[given.strip()] = found.text((*key, given), meant, blank=True)
    return pairs


def _cards(told: Mapping[str, Any], found: _Found) -> Cards:
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


def _leave_out(value: Any, found: _Found) -> tuple[LeaveOut, ...]:
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        found.say(("leave_out",), "this has to be a list of tables.", "Begin each with [[leave_out]].")
        return ()
    return tuple(_one_left_out(number, told, found) for number, told in enumerate(value, start=1))


def _one_left_out(number: int, told: Mapping[str, Any], found: _Found) -> LeaveOut:
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


# --- Saying where ------------------------------------------------------------------------------------


def _problem(name: str, lines: Mapping[Key, int], told: Told) -> Problem:
    key, message, hint = told
    line = next((lines[key[:depth]] for depth in range(len(key), 0, -1) if key[:depth] in lines), None)
    where = f"{name}: line {line}: " if line else f"{name}: "
    shown = ".".join(one if re.fullmatch(r"[\w-]+", one) else f"“{one}”" for one in key)
    return Problem("mapping_invalid", None, f"{where}{shown}: {message}", hint)


def _lines(text: str) -> Mapping[Key, int]:
    """Find the line of each key and section, once for all problems; TOML's own reader does not tell."""
    section: Key = ()
    found: dict[Key, int] = {}
    number_of: Counter[Key] = Counter()
    for number, line in enumerate(text.splitlines(), start=1):
        header = re.match(r"\s*(\[\[?)([^\]]+)\]\]?", line)
        if header:
            section = _parts(header[2])
            found.setdefault(section, number)
            if header[1] == "[[":  # of several
                number_of[section] += 1
                section = (*section, str(number_of[section]))
                found[section] = number
        elif assigned := re.match(r"\s*((?:\"[^\"]*\"|'[^']*'|[\w.-])+)\s*=", line):
            found.setdefault((*section, *_parts(assigned[1])), number)
    return found


def _parts(dotted: str) -> Key:
    found = re.findall(r"\"([^\"]*)\"|'([^']*)'|([\w-]+)", dotted)
    return tuple(basic or literal or plain for basic, literal, plain in found)


def _invalid(name: str, reason: str, hint: str = "") -> SourceError:
    return SourceError(Problem("mapping_invalid", None, f"{name}: {reason}", hint))

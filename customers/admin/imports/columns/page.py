"""What the page shows of a mapping and a file: every choice that there is, and the one that is made."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from customers.admin.imports.columns.chosen import COLUMN, CONSTANT, NOTHING
from customers.admin.imports.columns.looking import SHOWN, Study
from customers.admin.imports.options_form import ENCODINGS
from customers.backfill.mappings.kinds import DECIMAL, kinds_of
from customers.backfill.mappings.likeness import plans_like
from customers.backfill.source import COLUMNS, FileMapping
from customers.backfill.source.mapping.model import FIELDS, Form, LeaveOut, Origin
from customers.backfill.source.opening import TEXT_FORMATS
from kernel.columns import OPTIONAL

JOINED = 3  # columns that can be joined here; a file can say more
IDS = ("external_id", "id_tag")
LIKELY = 0.6  # from 0 to 1; with less, a name is no help
UNSET = Origin()
MEANINGS = {
    "email": "where invoices and sign-in links go",
    "display_name": "what the customer is called",
    "external_id": "your own number of the customer; the key for ever",
    "id_tag": "the number of the card",
    "plan_code": "the old tariff; below it is given a plan of Lago's",
    "start_date": "the first day that is served",
}
HIDDEN_ROWS = (("", "refuse the file"), ("include", "import them"), ("leave-out", "leave them out"))
DELIMITERS = (("", "recognise it"), (",", "comma"), (";", "semicolon"), ("\t", "tab"), ("|", "bar |"))
DECIMAL_MARKS = (("", "a point: 12.50"), (",", "a comma: 12,50"))


@dataclass(frozen=True, slots=True)
class Choice:
    value: str
    label: str
    is_chosen: bool = False


@dataclass(frozen=True, slots=True)
class FieldRow:
    """A field with the columns that it can be made of, and what comes of the chosen ones."""

    name: str
    meaning: str
    choices: Sequence[Choice]
    more: Sequence[Sequence[Choice]]  # the columns that are joined to it
    origin: Origin
    samples: Sequence[str]
    has_numbers: bool = False  # of which leading zeros may be lost

    @property
    def is_set(self) -> bool:
        return bool(self.origin.columns) or self.origin.constant is not None

    @property
    def is_needed(self) -> bool:
        return self.name in COLUMNS

    @property
    def is_special(self) -> bool:
        """Return whether more is said of it than a column."""
        return self.origin.constant is not None or len(self.origin.columns) > 1

    @property
    def asks_for_numbers(self) -> bool:
        """Return whether it has to be said that a number stands for its digits."""
        return self.has_numbers or self.origin.numbers


@dataclass(frozen=True, slots=True)
class Tariff:
    """A value of the column of tariffs, how often it is there, and the plans that it can become."""

    given: str
    shown: str
    rows: int
    choices: Sequence[Choice]
    likely: str

    @property
    def is_open(self) -> bool:
        return not any(choice.is_chosen for choice in self.choices)


@dataclass(frozen=True, slots=True)
class Leaving:
    """Rows that are left out, or a blank line to say so."""

    choices: Sequence[Choice]
    unless: bool
    values: str


def choices_of_form(form: Form, kind: str, study: Study | None) -> dict[str, Any]:
    """Return what means something of a file of this kind, whether it can be read yet or not."""
    is_text, is_book = kind in TEXT_FORMATS, kind in ("xlsx", "ods")
    there = [study.info.sheet, *study.info.ignored_sheets] if study and is_book else []
    sheets = [("", "the first that is seen"), *((one, one) for one in there)]
    known = [("", "recognise it"), *((name, name) for name in ENCODINGS)]
    mark = form.decimal_mark if form.decimal_mark != "." else ""
    return {
        "form": form,
        "has_header": kind != "json" or form.header_line,
        "sheets": _choices(sheets, form.sheet) if is_book or form.sheet else (),
        "encodings": _choices(known, form.encoding) if not is_book or form.encoding else (),
        "delimiters": _choices(DELIMITERS, form.delimiter) if is_text or form.delimiter else (),
        "hidden_rows": _choices(HIDDEN_ROWS, form.hidden_rows) if is_book or form.hidden_rows else (),
        "decimal_marks": _choices(DECIMAL_MARKS, mark),
    }


def choices_of_columns(mapping: FileMapping, study: Study, plan_codes: Collection[str]) -> dict[str, Any]:
    """Return the part of the columns and their values."""
    header = study.header
    rows = [_row(name, mapping.fields.get(name, UNSET), study) for name in FIELDS]
    more = rows[len(COLUMNS) :]
    found = tariffs(mapping, study, plan_codes)
    return {
        "study": study,
        "fields": rows[: len(COLUMNS)],
        "optional": more,
        "optional_set": sum(row.is_set for row in more),
        "tariffs": found[:SHOWN],
        "tariffs_more": len(found[SHOWN:]),
        "tariffs_open": sum(one.is_open for one in found),
        "tariffs_known": bool(found) and all(one.given in plan_codes for one in found),
        "plan_is_chosen": "plan_code" in mapping.fields,
        "default": _choices(_plans(plan_codes, _default(mapping), "none"), _default(mapping)),
        "cards": mapping.cards,
        "cards_decimal": _are_decimal(study) and not mapping.cards.decimal_to_hex,
        "prefixes": ", ".join(mapping.cards.remove_prefixes),
        "leaving": [*(_leaving(one, header) for one in mapping.leave_out), _leaving(None, header)],
        "elsewhere": [name for name in mapping.translations if name != "plan_code"],
        "columns": [(name, study.samples.get(name, [])) for name in header],
    }


def _are_decimal(study: Study) -> bool:
    """Return whether the cards that are shown are numbers, and none of them a card in hexadecimal digits."""
    return bool(study.cards) and all(DECIMAL in kinds_of(card.before) for card in study.cards)


def open_fields(mapping: FileMapping) -> list[str]:
    """Name the fields that have to be in a file and come from nowhere yet."""
    return [name for name in COLUMNS if name not in mapping.fields]


def open_tariffs(mapping: FileMapping, study: Study, plan_codes: Collection[str]) -> list[Tariff]:
    """Return the tariffs for which a person has yet to say the plan."""
    return [one for one in tariffs(mapping, study, plan_codes) if one.is_open]


def tariffs(mapping: FileMapping, study: Study, plan_codes: Collection[str]) -> list[Tariff]:
    """Return all values of the column of tariffs, the most frequent first. None has a plan by a guess."""
    origin, said = mapping.fields.get("plan_code", UNSET), mapping.translations.get("plan_code")
    if not origin.columns:
        return []
    values = said.values if said else {}
    return [
        _tariff(value, number, values.get(value, ""), _default(mapping), plan_codes)
        for value, number in study.plans.most_common()
        if value or value in values
    ]


def _tariff(value: str, rows: int, meant: str, default: str, plan_codes: Collection[str]) -> Tariff:
    """`meant` is what was said of it; what is a plan's code already is one."""
    code = meant or (value if value in plan_codes else "")
    blank = f"as all others: {default}" if default and value else "choose a plan"
    choices = _choices(_plans(plan_codes, code, blank), code or (None if not default else ""))
    return Tariff(value, value or NOTHING, rows, choices, "" if code else _likely(value, plan_codes))


def _likely(value: str, plan_codes: Collection[str]) -> str:
    """Name the plan whose code is most like a value, for a person to judge; blank if none is."""
    return next((code for code, how in plans_like(value, sorted(plan_codes)) if how >= LIKELY), "")


def _plans(plan_codes: Iterable[str], chosen: str, blank: str) -> list[tuple[str, str]]:
    codes = sorted({*plan_codes, *([chosen] if chosen else [])})
    return [("", blank), *((code, code) for code in codes)]


def _default(mapping: FileMapping) -> str:
    said = mapping.translations.get("plan_code")
    return (said.default if said else None) or ""


def _row(name: str, origin: Origin, study: Study) -> FieldRow:
    own = name.casefold() in {column.casefold() for column in study.header}
    blank = [] if own and name in OPTIONAL else [("", "—")]  # such a column is read, whatever is said
    names = [*study.header, *_gone(origin.columns, study.header)]
    columns = [(COLUMN + column, column) for column in names]
    first = CONSTANT if origin.constant is not None else _named(origin.columns[:1], names)
    places = max(JOINED, len(origin.columns)) - 1
    others = [*origin.columns[1:], *[""] * places][:places]
    return FieldRow(
        name,
        MEANINGS.get(name) or OPTIONAL[name].meaning,
        _choices([*blank, *columns, (CONSTANT, "the same for all rows…")], first),
        [_choices([("", "—"), *columns], _named([one] if one else [], names)) for one in others],
        origin,
        study.fields.get(name, []),
        name in IDS and name in study.numeric,
    )


def _gone(columns: Sequence[str], header: Sequence[str]) -> list[str]:
    """Return the columns that were chosen and are not in this file."""
    there = {column.casefold() for column in header}
    return [column for column in columns if column.strip().casefold() not in there]


def _named(columns: Sequence[str], header: Sequence[str]) -> str:
    """Return the choice of a column, in the spelling of the header."""
    own = {column.casefold(): column for column in header}
    return COLUMN + own[columns[0].strip().casefold()] if columns else ""


def _leaving(one: LeaveOut | None, header: Sequence[str]) -> Leaving:
    names = [*header, *_gone([one.column], header)] if one else header
    columns = [("", "—"), *((COLUMN + column, column) for column in names)]
    if one is None:
        return Leaving(_choices(columns, ""), unless=False, values="")
    values = "\n".join(value or NOTHING for value in one.values or one.unless)
    return Leaving(_choices(columns, _named([one.column], names)), bool(one.unless), values)


def _choices(pairs: Iterable[tuple[str, str]], chosen: str | None) -> list[Choice]:
    """Make the options of a drop-down. `chosen`: None where nobody has chosen yet."""
    pairs = list(pairs)
    if chosen and chosen not in dict(pairs):
        pairs.append((chosen, chosen))
    return [Choice(value, label, chosen is not None and value == chosen) for value, label in pairs]

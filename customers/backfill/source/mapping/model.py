"""What a mapping says: which column of an export is which of ours, and how its cells are to be read."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from customers.backfill.source.model import COLUMNS
from kernel.columns import OPTIONAL, Kind

FIELDS = (*COLUMNS, *OPTIONAL)
PERSONAL = ("email", "display_name", "external_id", "id_tag")  # they differ from row to row
# What a report may list, value by value: nothing that tells of one person.
TRANSLATABLE = (
    "plan_code",
    "start_date",
    *(name for name, one in OPTIONAL.items() if not one.is_personal or one.kind is Kind.CHOICE),
)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the value of a field comes from: one column, several that are joined, or a constant.

    `numbers`: a cell that is a whole number stands for its digits; otherwise one is refused in an id, because
    it may have lost leading zeros.
    """

    columns: tuple[str, ...] = ()
    joined_with: str = " "
    constant: str | None = None
    numbers: bool = False

    def as_document(self) -> Any:
        if self.constant is not None:
            return {"constant": self.constant}
        if len(self.columns) > 1:
            told: dict[str, Any] = {"columns": [*self.columns], "joined_with": self.joined_with}
        elif not self.numbers:
            return self.columns[0]
        else:
            told = {"column": self.columns[0]}
        return {**told, "numbers": True} if self.numbers else told


@dataclass(frozen=True, slots=True)
class Translation:
    """What stands for what, blanks around it left out. `default`: for what is not named, except nothing."""

    values: Mapping[str, str]
    default: str | None = None


@dataclass(frozen=True, slots=True)
class Cards:
    """How idTags are written, in the order in which it is undone."""

    remove_prefixes: tuple[str, ...] = ()
    remove_separators: str = ""
    decimal_to_hex: bool = False
    pad_to: int = 0
    reverse_bytes: bool = False
    upper_case: bool = False

    def as_document(self) -> dict[str, Any]:
        told = {
            "remove_prefixes": [*self.remove_prefixes],
            "remove_separators": self.remove_separators,
            "decimal_to_hex": self.decimal_to_hex,
            "pad_to": self.pad_to,
            "reverse_bytes": self.reverse_bytes,
            "upper_case": self.upper_case,
        }
        return {name: value for name, value in told.items() if value}


@dataclass(frozen=True, slots=True)
class LeaveOut:
    """Rows that are not imported: those with one of `values` in a column, or, with `unless`, all others.

    Capitals and blanks around a value do not count.
    """

    column: str
    values: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()

    def as_document(self) -> dict[str, Any]:
        return {
            "column": self.column,
            **({"values": [*self.values]} if self.values else {"unless": [*self.unless]}),
        }


@dataclass(frozen=True, slots=True)
class Form:
    """How the file is made, where that is not to be recognised."""

    header_line: int | None = None
    sheet: str | None = None
    list: str | None = None  # the name under which a JSON document has its list
    encoding: str | None = None
    delimiter: str | None = None
    hidden_rows: str | None = None
    date_format: str | None = None
    decimal_mark: str | None = None

    def as_document(self) -> dict[str, Any]:
        told = {name: getattr(self, name) for name in self.__slots__}
        return {name: value for name, value in told.items() if value is not None}


@dataclass(frozen=True, slots=True)
class FileMapping:
    """A mapping, as its file says it; `name` is the file's.

    One of the six fields that is not named comes from the column of its own name. An optional one does so
    only in a mapping that names no fields at all.
    """

    name: str
    form: Form = field(default_factory=Form)
    fields: Mapping[str, Origin] = field(default_factory=dict)
    translations: Mapping[str, Translation] = field(default_factory=dict)
    cards: Cards = field(default_factory=Cards)
    leave_out: tuple[LeaveOut, ...] = ()

    def columns(self) -> list[str]:
        """Name the columns that it speaks of, each once."""
        named = [column for origin in self.fields.values() for column in origin.columns]
        return list(dict.fromkeys([*named, *(one.column for one in self.leave_out)]))

    def as_document(self) -> dict[str, Any]:
        """Return what its file says, in the order in which it is written."""
        defaults = {n: one.default for n, one in self.translations.items() if one.default is not None}
        told = {
            "file": self.form.as_document(),
            "fields": {n: self.fields[n].as_document() for n in FIELDS if n in self.fields},
            "cards": self.cards.as_document(),
            "defaults": defaults,
            "values": {name: dict(one.values) for name, one in self.translations.items()},
            "leave_out": [one.as_document() for one in self.leave_out],
        }
        return {name: value for name, value in told.items() if value}

    def sha256(self) -> str:
        """Return the digest of what it says; its name, comments and the order of its keys do not count."""
        said = json.dumps(self.as_document(), ensure_ascii=True, sort_keys=True)
        return hashlib.sha256(said.encode()).hexdigest()

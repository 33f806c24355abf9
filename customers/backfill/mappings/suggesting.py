"""Propose a mapping for a table: what is certain, and, never taken silently, what is for a person to say.

Nothing here holds data of people: names of columns, values that are tariffs or states, and masked idTags.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from customers.backfill.mappings import words
from customers.backfill.mappings.candidates import (
    BY_NAME,
    OURS,
    SAID,
    SURE,
    Candidate,
    candidates,
    holds_objects,
    names_of_people,
    usable,
)  # fmt: skip
from customers.backfill.mappings.cards_seen import notation
from customers.backfill.mappings.days_seen import format_of
from customers.backfill.mappings.kinds import COMMA, NUMBER, POINT, is_of_a_person
from customers.backfill.mappings.likeness import plans_like
from customers.backfill.mappings.table import MAX_VALUES, Column, Table
from customers.backfill.mappings.writing import quoted, shown
from customers.backfill.source import COLUMNS
from kernel.columns import OPTIONAL
from kernel.columns import Kind as ColumnKind
from kernel.languages import read_language
from kernel.wording import counted

Key = tuple[str, ...]  # section of the mapping, and keys below it


@dataclass(frozen=True, slots=True)
class Suggestion:
    """What a mapping of a file may say.

    - `document`: what is certain, in the shape of `FileMapping.as_document()`.
    - `guesses`: by field, the columns that may be it, and why; more than one where it is undecided.
    - `tariffs`: by old value, the plan codes that it is like, and how much (0 to 1).
    - `undecided`: what a person has to look at, in sentences.
    - `questions`: by the key in the mapping that has to be filled in before it can be used: what to consider.
    - `remarks`: by section or key: what to know of what is certain, and lines that may be put to use.
    """

    document: dict[str, Any]
    guesses: Mapping[str, tuple[tuple[str, str], ...]]
    tariffs: Mapping[str, tuple[tuple[str, float], ...]]
    undecided: tuple[str, ...]
    questions: Mapping[Key, tuple[str, ...]] = field(default_factory=dict)
    remarks: Mapping[Key, tuple[str, ...]] = field(default_factory=dict)


def suggest(
    table: Table, plan_codes: Sequence[str] = (), said: Mapping[str, str] | None = None
) -> Suggestion:
    """Propose a mapping.

    `plan_codes`: Lago's; none where it could not be asked. `said`: by field, the column that somebody named.
    """
    making = _Making(table, plan_codes, said or {})
    making.say_form()
    making.say_fields()
    making.say_cards()
    making.say_days()
    making.say_tariffs()
    making.say_optional()
    making.say_states()
    return making.suggestion()


class _Making:
    """A suggestion while it is made, one part after the other."""

    def __init__(self, table: Table, plan_codes: Sequence[str], said: Mapping[str, str]) -> None:
        self._table, self._plan_codes = table, plan_codes
        self._found = candidates(table, plan_codes, said)
        self._chosen: dict[str, Column] = {}
        self._file: dict[str, Any] = {}
        self._fields: dict[str, Any] = {}
        self._cards: dict[str, Any] = {}
        self._values: dict[str, str] = {}
        self._tariffs: dict[str, tuple[tuple[str, float], ...]] = {}
        self._undecided: list[str] = []
        self._questions: dict[Key, tuple[str, ...]] = {}
        self._remarks: dict[Key, tuple[str, ...]] = {}

    def suggestion(self) -> Suggestion:
        parts = {"file": self._file, "fields": self._fields, "cards": self._cards}
        document: dict[str, Any] = {name: part for name, part in parts.items() if part}
        if self._values:
            document["values"] = {"plan_code": self._values}
        guesses = {name: tuple((one.name, why) for one, why in some) for name, some in self._found.items()}
        return Suggestion(
            document, guesses, self._tariffs, tuple(self._undecided), self._questions, self._remarks
        )

    def _ask(self, key: Key, sentence: str, *lines: str) -> None:
        self._undecided.append(sentence)
        self._questions[key] = (sentence, *lines)

    def _remark(self, key: Key, *lines: str) -> None:
        if lines:
            self._remarks[key] = (*self._remarks.get(key, ()), *lines)

    # --- the file ------------------------------------------------------------------------------------

    def say_form(self) -> None:
        form = self._table.form.as_document()
        self._file = {name: value for name, value in form.items() if name not in self._table.guessed}
        if "encoding" in self._table.guessed:
            told = f"The file is not UTF-8. It may be {self._table.form.encoding}."
            self._ask(("file", "encoding"), told, f"Perhaps {quoted(self._table.form.encoding or '')}.")
        if self._table.hidden and not self._table.form.hidden_rows:
            told = f"{counted(self._table.hidden, 'row')} of the sheet are hidden: are they customers?"
            self._ask(("file", "hidden_rows"), told, 'Either "include" or "leave-out".')
        if objects := [shown(one.name) for one in self._table.columns if holds_objects(one)]:
            told = f"{', '.join(objects)}: a mapping does not look into lists and objects of JSON."
            self._undecided.append(told)
            self._remark(("file",), told)
        if len(self._table.sheets) > 1:
            others = ", ".join(shown(one) for one in self._table.sheets if one != self._table.sheet)
            self._remark(("file",), f"Read is the sheet {shown(self._table.sheet)}; the others are {others}.")

    # --- the fields ----------------------------------------------------------------------------------

    def say_fields(self) -> None:
        for name in COLUMNS:
            if name == "display_name":
                self._say_name()
            else:
                self._say_field(name, self._found[name])
        self._say_numbers()

    def _say_field(self, name: str, found: Sequence[Candidate]) -> None:
        sure = len(found) == 1 and (found[0][1] in SURE or name in ("email", "id_tag"))
        if sure:
            column, why = found[0]
            self._chosen[name] = column
            self._fields[name] = column.name
            if why not in (OURS, SAID):
                self._remark(("fields", name), f"By {why}." if why == BY_NAME else f"As {why}.")
            return
        self._ask(("fields", name), *_question(name, found))

    def _say_name(self) -> None:
        names = names_of_people(usable(self._table))
        found = self._found["display_name"]
        if not names or (found and found[0][1] in (OURS, SAID)):
            self._say_field("display_name", found)
            return
        self._fields["display_name"] = {"columns": [one.name for one in names], "joined_with": " "}
        others = [f"display_name = {quoted(one.name)}" for one, _ in found if one not in names]
        self._remark(("fields", "display_name"), *_perhaps(others, "The parts of a name, joined."))

    def _say_numbers(self) -> None:
        """Have somebody say whether the numbers of a workbook are the digits of an id."""
        column = self._chosen.get("external_id")
        if column is None or not column.kinds.get(NUMBER):
            return
        self._fields["external_id"] = {"column": column.name}
        told = f"external_id: {shown(column.name)} has numbers; leading zeros are lost if there were any."
        self._ask(
            ("fields", "external_id", "numbers"), told, "true takes their digits; false refuses such rows."
        )

    # --- cards, days, tariffs ------------------------------------------------------------------------

    def say_cards(self) -> None:
        column = self._chosen.get("id_tag")
        if column is None:
            return
        seen = notation(column)
        self._cards = dict(seen.certain)
        self._remark(("cards",), *seen.remarks)
        for key, lines in seen.asked.items():
            self._ask(("cards", key), *lines)

    def say_days(self) -> None:
        if self._table.form.date_format:
            return
        found = {format_of(column) for column, _ in self._found["start_date"]}
        if len(found) != 1:
            return
        (one,) = found
        if one.certain:
            self._file["date_format"] = one.certain
        elif one.asked:
            self._ask(("file", "date_format"), *one.asked)

    def say_tariffs(self) -> None:
        """Name each old tariff; only what is a plan's code already needs no decision."""
        column = self._chosen.get("plan_code")
        if column is None or (column.values and set(column.values) <= set(self._plan_codes)):
            return
        if column.is_open:
            told = (
                f"plan_code: {shown(column.name)} has more than {MAX_VALUES} different values, or long ones."
            )
            self._undecided.append(told)
            self._questions[("fields", "plan_code")] = (told, f"It was {quoted(column.name)}.")
            del self._fields["plan_code"]
            return
        for value, number in column.values.items():
            if is_of_a_person(value) and value not in self._plan_codes:
                told = (
                    f"plan_code: {shown(column.name)} has an address or a card in {counted(number, 'row')}."
                )
                self._undecided.append(told)
            else:
                self._say_tariff(value, number)
        self._say_tariffs_are_open()

    def _say_tariff(self, value: str, number: int) -> None:
        if value in self._plan_codes:
            self._values[value] = value
            return
        like = plans_like(value, self._plan_codes)
        self._tariffs[value] = like
        perhaps = ", ".join(f"{quoted(code)} (likeness {how:.0%})" for code, how in like)
        told = f"{counted(number, 'row')}. " + (f"Perhaps {perhaps}." if perhaps else "No plan is like it.")
        self._questions[("values", "plan_code", value)] = (told,)

    def _say_tariffs_are_open(self) -> None:
        number = len(self._tariffs)
        if not number:
            return
        self._undecided.append(f"plan_code: {counted(number, 'old tariff')} to be given a plan each.")
        if self._plan_codes:
            plans = ", ".join(quoted(code) for code in self._plan_codes[:50])
            self._remark(("values", "plan_code"), f"Lago's plans are {plans}.")
        else:
            self._remark(("values", "plan_code"), "Lago was not asked for its plans.")

    # --- what may be, and is not taken ---------------------------------------------------------------

    def say_optional(self) -> None:
        """Name columns that may be optional fields; put to use they change what is billed, or when."""
        taken = [*self._chosen.values()]
        for name, named in words.OPTIONAL_WORDS.items():
            for one in usable(self._table):
                if one in taken or not words.is_named(one.name, named):
                    continue
                self._say_decimal_mark(name, one)
                self._remark(("fields",), f"{name} = {quoted(one.name)}  # perhaps{_no_codes(name, one)}")

    def _say_decimal_mark(self, name: str, column: Column) -> None:
        is_decimal = OPTIONAL[name].kind in (ColumnKind.MONEY, ColumnKind.ENERGY)
        if not is_decimal or self._table.form.decimal_mark:
            return
        commas, points = column.kinds.get(COMMA, 0), column.kinds.get(POINT, 0)
        if commas and points:
            told = f"{name}: {shown(column.name)} has numbers with commas and with points."
            self._ask(("file", "decimal_mark"), told, 'Either "," or ".".')
        elif commas:
            self._file["decimal_mark"] = ","

    def say_states(self) -> None:
        """Name rows that may have ended; who is imported decides who pays."""
        for one in usable(self._table):
            ended = [value for value in one.values if words.has_ended(one.name, value)]
            if ended:
                rows = counted(sum(one.values[value] for value in ended), "row")
                told = f"{shown(one.name)} says of {rows} that they ended; they go in unless you say so."
                self._undecided.append(told)
                listed = ", ".join(map(quoted, ended))
                self._remark(
                    ("leave_out",),
                    told,
                    "[[leave_out]]",
                    f"column = {quoted(one.name)}",
                    f"values = [{listed}]",
                )


def _no_codes(name: str, column: Column) -> str:
    """Say of a column with values such as `Deutschland`, where Lago wants `DE`, where to translate them."""
    if OPTIONAL[name].kind is ColumnKind.LANGUAGE:
        tags = all(read_language(value) for value in column.values)
        return "" if tags else f"; say in [values.{name}] what is no code of a language"
    choices = {code.casefold() for code in OPTIONAL[name].choices}
    known = (
        all(value.casefold().replace("_", "-") in choices for value in column.values) and not column.is_open
    )
    return "" if not choices or known else f"; say in [values.{name}] what is no code of Lago's"


def _question(name: str, found: Sequence[Candidate]) -> tuple[str, ...]:
    if not found:
        return _NONE[name]
    some = ", ".join(f"{shown(one.name)} ({why})" for one, why in found)
    told = f"{name}: it may be {some}." if len(found) == 1 else f"{name}: more than one may be it: {some}."
    return (told, *_WHY.get(name, ()), *_perhaps([f"{name} = {quoted(one.name)}" for one, _ in found]))


def _perhaps(lines: Sequence[str], *before: str) -> tuple[str, ...]:
    return (*before, *(f"Perhaps: {line}" for line in lines))


_WHY = {
    "external_id": ("It is the customer's key for ever, and says who pays.",),
    "plan_code": ("It says what the customer pays.",),
    "start_date": ("It says from which day Lago bills.",),
}
_NONE = {
    "email": ("email: no column has addresses.", 'Name its column: email = "E-Mail"'),
    "display_name": ("display_name: no column looks like it.", 'Name its column: display_name = "Name"'),
    "external_id": (
        "external_id: no column looks like it.",
        "It is the customer's key for ever, and says who pays. Name its column.",
    ),
    "id_tag": ("id_tag: no column looks like it.", 'Name the column of the cards: id_tag = "RFID"'),
    "plan_code": (
        "plan_code: no column looks like it.",
        'Name its column, or one plan for all: plan_code = { constant = "standard" }',
    ),
    "start_date": (
        "start_date: no column of days looks like it.",
        'Name its column, or one day for all: start_date = { constant = "2027-01-01" }',
    ),
}

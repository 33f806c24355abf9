"""What a file has, read through a mapping that may still lack most of what it should say."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from customers.backfill.source import COLUMNS, FileMapping, SourceInfo, SourceRow, read_bytes
from customers.backfill.source.mapping.model import FIELDS, Cards, Origin

SAMPLES = 3
SHOWN = 200  # different values of plan_code; who has more maps them in the file
NOTHING = Origin(constant="")


@dataclass(frozen=True, slots=True)
class Card:
    """A card before and after the present choice; `fault` says why it cannot be rewritten."""

    before: str
    after: str
    fault: str = ""


@dataclass(slots=True)
class Study:
    """What was found on one way through the file. It holds people's data: for a page, and kept nowhere."""

    info: SourceInfo
    rows: int = 0
    left_out: int = 0
    samples: dict[str, list[str]] = field(default_factory=dict)  # by column
    fields: dict[str, list[str]] = field(default_factory=dict)  # by field, as they come of its columns
    plans: Counter[str] = field(default_factory=Counter)
    cards: list[Card] = field(default_factory=list)
    numeric: set[str] = field(default_factory=set)  # fields with a cell that is a number

    @property
    def header(self) -> list[str]:
        """Name the columns that can be chosen, each once."""
        return list({name.casefold(): name for name in reversed(self.info.header) if name}.values())[::-1]

    def take(self, row: SourceRow) -> None:
        self.rows += 1
        for name, cell in zip(self.info.header, row.cells, strict=False):
            _add(self.samples, name, cell)
        if row.mapped and row.mapped.left_out:
            self.left_out += 1
            return
        for name, value in {**row.values._asdict(), **row.more}.items():
            _add(self.fields, name, value)
        self.numeric |= row.numeric
        self.plans[row.values.plan_code.strip()] += 1
        self._take_card(row)

    def _take_card(self, row: SourceRow) -> None:
        mapped, after = row.mapped, row.values.id_tag
        fault = mapped.faults.get("id_tag") if mapped else None
        before = mapped.id_tag if mapped and mapped.id_tag is not None else after
        if before.strip() and len(self.cards) < SAMPLES:
            self.cards.append(Card(before, "" if fault else after, fault.message if fault else ""))


def _add(kept: dict[str, list[str]], name: str, value: str) -> None:
    some = kept.setdefault(name, [])
    if len(some) < SAMPLES and (value := value.strip()) and value not in some:
        some.append(value)


def study(name: str, data: bytes, mapping: FileMapping) -> Study:
    """Read the whole file; raise SourceError. What the mapping cannot find yet counts as nothing."""
    form = replace(mapping.form, hidden_rows=mapping.form.hidden_rows or "include")
    as_it_is = FileMapping(mapping.name, form, dict.fromkeys(COLUMNS, NOTHING))
    header = {own.casefold() for own in read_bytes(name, data, mapping=as_it_is).info.header}
    source = read_bytes(name, data, mapping=_readable(replace(mapping, form=form), header))
    found = Study(source.info)
    for row in source:
        found.take(row)
    return found


def _readable(mapping: FileMapping, header: set[str]) -> FileMapping:
    """Leave out what is not in the header, and all translations: their values are to be seen as they are."""

    def is_there(columns: Sequence[str]) -> bool:
        return {column.strip().casefold() for column in columns} <= header

    fields = {
        name: replace(own, numbers=False)  # to see that there are some
        for name, own in mapping.fields.items()
        if is_there(own.columns)
    }
    lacking = [column for column in COLUMNS if column not in fields and column not in header]
    given = "id_tag" not in lacking
    return replace(
        mapping,
        fields={**fields, **dict.fromkeys(lacking, NOTHING)},
        translations={},
        cards=mapping.cards if given else Cards(),
        leave_out=tuple(one for one in mapping.leave_out if is_there([one.column])),
    )


def own_columns(mapping: FileMapping, header: Sequence[str]) -> FileMapping:
    """Name the column of a field that comes from the one of its own name, which a mapping need not say."""
    own = {name.casefold(): name for name in header}
    said = {name: Origin((own[name],)) for name in FIELDS if name in own}
    return replace(mapping, fields={**said, **mapping.fields})

"""A file's customers against those that are imported. Pure: values in, values out."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from customers.backfill.compare.cards import Holders, card_differences, moved
from customers.backfill.compare.reading import key_of
from customers.backfill.compare.values import (
    Difference,
    Filed,
    FileRead,
    Found,
    Imported,
    Kind,
    Remark,
    Unreadable,
)
from kernel import as_login

ORDER = list(Kind)
NOT_OURS = "the subscription was there before the import: a revert leaves it, so end it in Lago"


def compare(read: FileRead, imported: Sequence[Imported], scope: Collection[str] | None = None) -> Found:
    """Say how they differ; nothing is told twice, and nothing of what agrees.

    `scope` are the external_ids of whom is asked; None asks of all. Of the others it is known that they are
    imported, so they have not joined.
    """
    return _Comparison(read, {key_of(one.external_id): one for one in imported}, scope).found()


@dataclass(slots=True)
class _Comparison:
    read: FileRead
    imported: Mapping[str, Imported]
    scope: Collection[str] | None
    result: Found = field(default_factory=Found)
    holders: Holders = field(init=False)

    def __post_init__(self) -> None:
        self.holders = Holders.of(self.imported.values())

    def found(self) -> Found:
        self.result.held = dict(_held(self.read.unreadable, self.imported, self.read.customers))
        for key, filed in self.read.customers.items():
            one = self.imported.get(key)
            if one is None:
                self._joined(filed)
            elif self._is_asked(one):
                self._both(one, filed)
        for key, one in self.imported.items():
            if key not in self.read.customers and self._is_asked(one):
                self._missing(key, one)
        self.result.differences.sort(key=lambda one: ORDER.index(one.kind))  # stable: else as in the file
        return self.result

    def _is_asked(self, one: Imported) -> bool:
        return self.scope is None or one.external_id in self.scope

    def _joined(self, filed: Filed) -> None:
        taken = list(moved(filed, filed.external_id, self.holders, self.read.customers))
        stays = [one for one in taken if key_of(one.other) in self.read.customers]
        if stays:
            self.result.blocked[filed.external_id] = stays[0].other
        self.result.differences += [Difference(Kind.JOINED, filed.external_id, filed.lines), *taken]

    def _missing(self, key: str, one: Imported) -> None:
        if one.external_id in self.result.held:
            return
        out = self.read.left_out.get(key)
        lines = (out.line,) if out else ()
        notes = [f"left out of the file by “{out.column}”"] if out else []
        notes += [] if one.owns_subscription else [NOT_OURS]
        left = Difference(Kind.LEFT, one.external_id, lines, note="; ".join(notes), runs=one.made_by)
        self.result.differences.append(left)

    def _both(self, one: Imported, filed: Filed) -> None:
        before = len(self.result.differences)
        self.result.differences += _fields(one, filed)
        others, remarks = card_differences(one, filed, self.holders, self.read)
        self.result.differences += others
        self.result.remarks += [*_spelling(one, filed), *remarks]
        self.result.same += len(self.result.differences) == before


def _held(
    unreadable: Sequence[Unreadable], imported: Mapping[str, Imported], there: Collection[str]
) -> Iterator[tuple[str, int]]:
    """Find who may be on a row that cannot be read, by any value of it: to be damaged is not to have left."""
    if not unreadable:
        return
    lines = {cell: row.line for row in reversed(unreadable) for cell in row.cells}
    for key, one in imported.items():
        names = (one.external_id, one.email, *(card.id_tag for card in one.cards))
        line = next((lines[name.casefold()] for name in names if name.casefold() in lines), None)
        if line is not None and key not in there:
            yield one.external_id, line


def _fields(one: Imported, filed: Filed) -> Iterator[Difference]:
    who, lines = one.external_id, filed.lines
    if (plan := filed.agreed("plan_code")) and plan != one.plan_code:
        yield Difference(Kind.PLAN, who, lines, one.plan_code, plan)
    start = filed.agreed("start_date")
    if start and start not in (one.start_date, one.moved_to):
        was = one.start_date.isoformat() if one.start_date else ""
        yield Difference(Kind.START, who, lines, was, start.isoformat())
    email = filed.agreed("email")
    if email and one.email and as_login(email) != one.email:
        yield Difference(Kind.EMAIL, who, lines, one.email, email)
    name = filed.agreed("display_name")
    if name and name != one.display_name:
        yield Difference(Kind.NAME, who, lines, one.display_name, name)


def _spelling(one: Imported, filed: Filed) -> Iterator[Remark]:
    if filed.external_id != one.external_id:
        text = "The file spells the external_id otherwise."
        yield Remark(one.external_id, filed.lines[0], text, one.external_id, filed.external_id)

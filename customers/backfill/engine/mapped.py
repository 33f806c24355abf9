"""What a mapping did with a file: rows left out, values translated, idTags rewritten."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from customers.backfill.source import SourceInfo, SourceRow, Translated, lines_named
from kernel.masking import mask_id_tag
from kernel.wording import counted

TRANSLATIONS_TOLD = 200  # of a file whose every cell is another value, the rest is counted


@dataclass(slots=True)
class MappedFile:
    """Counts what the mapping does while the rows go by for the first time.

    It holds no names and no whole idTags.
    """

    info: SourceInfo
    left_out: dict[str, list[int]] = field(default_factory=dict)  # lines, by the column that says so
    translated: Counter[Translated] = field(default_factory=Counter)
    rewritten: int = 0
    example: tuple[str, str] | None = None  # an idTag before and after, masked
    is_counted: bool = False

    def meant(self, rows: Iterable[SourceRow]) -> Iterator[SourceRow]:
        """Give the rows that are to be imported."""
        counts, self.is_counted = not self.is_counted, True
        for row in rows:
            if counts:
                self._count(row)
            if row.mapped is None or not row.mapped.left_out:
                yield row

    def _count(self, row: SourceRow) -> None:
        mapped = row.mapped
        if mapped is None:
            return
        if mapped.left_out:
            self.left_out.setdefault(mapped.left_out, []).append(row.line)
            return
        self.translated.update(mapped.translated)
        if mapped.id_tag is not None:
            self.rewritten += 1
            if self.example is None:
                self.example = (mask_id_tag(mapped.id_tag), mask_id_tag(row.values.id_tag))

    def sentences(self) -> Iterator[str]:
        """Say what was done, for people."""
        yield f"Read through the mapping {self.info.mapping}."
        for column, lines in self.left_out.items():
            yield f"Left out by “{column}”: {counted(len(lines), 'row')} ({lines_named(lines)})."
        for field_name, some in self._by_field().items():
            yield f"{field_name}: {'; '.join(_told(one, number) for one, number in some)}."
        if self.example:
            before, after = self.example
            yield f"idTags rewritten: {self.rewritten:,}, such as “{before}” to “{after}”."
        if self.info.unmapped_columns:
            yield f"Columns that the mapping does not name: {', '.join(self.info.unmapped_columns)}."

    def _by_field(self) -> dict[str, list[tuple[Translated, int]]]:
        found: dict[str, list[tuple[Translated, int]]] = {}
        for one, number in self.translated.most_common(TRANSLATIONS_TOLD):
            found.setdefault(one.field, []).append((one, number))
        return found

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.info.mapping,
            "sha256": self.info.mapping_sha256,
            "left_out": [
                {"column": column, "rows": len(lines), "lines": lines}
                for column, lines in self.left_out.items()
            ],
            "translated": [
                {
                    "field": one.field,
                    "from": one.given,
                    "to": one.meant,
                    "is_default": one.is_default,
                    "rows": number,
                }
                for one, number in self.translated.most_common(TRANSLATIONS_TOLD)
            ],
            "id_tags_rewritten": self.rewritten,
            "columns_not_named": [*self.info.unmapped_columns],
        }


@dataclass(frozen=True, slots=True)
class Meant:
    """The rows of a file that are to be imported, read anew each time: in memory they would be half of all.

    Raises SourceError as the file does, also where it was changed meanwhile.
    """

    source: Iterable[SourceRow]
    mapped: MappedFile

    def __iter__(self) -> Iterator[SourceRow]:
        return self.mapped.meant(self.source)


def _told(one: Translated, number: int) -> str:
    given = one.given or "(nothing)"
    by_default = " by default" if one.is_default else ""
    return f"“{given}” is {one.meant or '(nothing)'}{by_default} ({counted(number, 'row')})"

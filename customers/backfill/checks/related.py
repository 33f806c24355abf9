"""Which rows of a file have to be looked at together: those that any check compares.

What is compared of them is coarser than what the checks compare, so that no check sees another partner than
these. A check that compares anything else of two rows has to say so here.
"""

import unicodedata
from collections import deque
from collections.abc import Collection, Iterable

from customers.backfill.source import SourceRow
from kernel.notation import likenesses

Index = dict[str, int | list[int]]  # a line; several only of what several rows have: most have it alone


class Related:
    """Rows by what they have in common with others, by line; a line may have several, before and after."""

    def __init__(self, rows: Iterable[SourceRow]) -> None:
        self._rows: dict[int, list[SourceRow]] = {}
        self._lines: tuple[Index, ...] = ({}, {}, {})
        for row in rows:
            self._rows.setdefault(row.line, []).append(row)
            for lines, keys in zip(self._lines, _keys(row), strict=True):
                for key in keys:
                    _add(lines, key, row.line)

    def to(self, lines: Iterable[int], most: int) -> set[int] | None:
        """Return these lines, those related to them, those related to these …; None if there are more."""
        found = set(lines)
        waiting = deque(found)
        while waiting and len(found) <= most:
            others = self._beside(waiting.popleft()) - found
            found |= others
            waiting.extend(others)
        return found if len(found) <= most else None

    def _beside(self, line: int) -> set[int]:
        found: set[int] = set()
        for row in self._rows.get(line, ()):
            for lines, keys in zip(self._lines, _keys(row), strict=True):
                for key in keys:
                    there = lines[key]
                    found.update([there] if isinstance(there, int) else there)
        return found


def _add(lines: Index, key: str, line: int) -> None:
    there = lines.setdefault(key, line)
    if isinstance(there, list):
        there.append(line)
    elif there != line:
        lines[key] = [there, line]


def _keys(row: SourceRow) -> tuple[Collection[str], Collection[str], Collection[str]]:
    """Name what a row has that another row may have too; of what is no valid value, as if it were one."""
    values = row.values
    email, external_id, id_tag = values.email.strip(), values.external_id.strip(), values.id_tag.strip()
    if not external_id.isascii():
        external_id = unicodedata.normalize("NFC", external_id)
    return (
        (email.casefold(),) if email else (),
        (external_id.casefold(),) if external_id else (),
        likenesses(id_tag) if id_tag else (),
    )

"""Which rows of a file have to be looked at together: those that any check compares.

What is compared of them is coarser than what the checks compare, so that no check sees another partner than
these. A check that compares anything else of two rows has to say so here.
"""

import unicodedata
from collections import deque
from collections.abc import Iterable, Iterator

from customers.backfill.source import SourceRow
from kernel.notation import likenesses

Key = tuple[str, str]


class Related:
    """Rows by what they have in common with others, by line; a line may have several, before and after."""

    def __init__(self, rows: Iterable[SourceRow]) -> None:
        self._keys: dict[int, list[Key]] = {}
        self._lines: dict[Key, list[int]] = {}
        for row in rows:
            for key in _keys(row):
                self._keys.setdefault(row.line, []).append(key)
                self._lines.setdefault(key, []).append(row.line)

    def to(self, lines: Iterable[int], most: int) -> set[int] | None:
        """Return these lines, those related to them, those related to these …; None if there are more."""
        found = set(lines)
        waiting = deque(found)
        while waiting and len(found) <= most:
            for key in self._keys.get(waiting.popleft(), ()):
                others = [line for line in self._lines[key] if line not in found]
                found.update(others)
                waiting.extend(others)
        return found if len(found) <= most else None


def _keys(row: SourceRow) -> Iterator[Key]:
    """Name what a row has that another row may have too; of what is no valid value, as if it were one."""
    values = row.values
    if email := values.email.strip():
        yield "email", email.casefold()
    if external_id := values.external_id.strip():
        yield "external_id", unicodedata.normalize("NFC", external_id).casefold()
    if id_tag := values.id_tag.strip():
        for likeness in likenesses(id_tag):
            yield "id_tag", likeness

"""What a plan says of each row of a run, packed: to plan all of them once more would take as long again."""

import json
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from customers.backfill.revert.rows import RowPlan


class ToldRow(NamedTuple):
    """What becomes of the things of a row, by the names of their steps; of what stays, why."""

    line: int
    external_id: str
    goes: Sequence[str]
    stays: Mapping[str, str]
    gone: Sequence[str]


class Told:
    """What was said of rows, in their order; some 20 bytes of each."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def add(self, rows: Iterable[RowPlan]) -> None:
        some = [(row.recorded.line, row.recorded.external_id, row.goes, row.stays, row.gone) for row in rows]
        self._pieces.append(zlib.compress(json.dumps(some).encode(), level=1))

    def __iter__(self) -> Iterator[ToldRow]:
        for piece in self._pieces:
            yield from (ToldRow(*row) for row in json.loads(zlib.decompress(piece)))

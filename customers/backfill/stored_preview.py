"""A plan, kept for its page: what the command would print as JSON, packed. It holds no personal data.

Rows are packed in chunks, with what is in each of them beside the head: a page opens those that it shows,
and a correction writes those that it changes.
"""

import json
import zlib
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Any, overload

from customers.backfill.causes import Cause, causes, same_names
from customers.backfill.checks import counted_cards
from customers.backfill.document import head_of, row_of
from customers.backfill.engine.agreed import PlanFacts
from customers.backfill.engine.expected import to_make
from customers.backfill.engine.plan import SKIP, PlannedRow
from customers.backfill.engine.report import Report
from customers.backfill.money.details import all_details
from customers.backfill.money.looked_at import first_invoices_of, starts_of
from customers.backfill.samples import unusual_lines
from customers.models import BackfillUpload
from kernel.chunks import chunks

SHOWN = 200
FILTERS = ("all", "create", "complete", "skip", "fail", "warnings")

CHUNK = 500  # rows that are packed together
_CHUNKED = b"rows in chunks\n"  # how a preview begins; one of an older version is one piece of zlib, as b"x"
_LENGTH = 8

Row = Mapping[str, Any]


class Chunk:
    """Some rows that follow each other, packed. `known` is what can be said without opening them."""

    def __init__(self, known: Mapping[str, Any], content: bytes) -> None:
        self.known, self.content = known, content

    @classmethod
    def of(cls, rows: Sequence[Row]) -> "Chunk":
        codes = {row["line"]: [one["code"] for one in (*row["problems"], *row["warnings"])] for row in rows}
        content = zlib.compress(json.dumps(rows, ensure_ascii=False).encode(), level=1)
        known = {
            "size": len(content),
            "first": rows[0]["line"],
            "rows": len(rows),
            "actions": Counter(row["action"] for row in rows),
            "warned": sum(1 for row in rows if row["warnings"]),
            "warnings": Counter(code for row in rows for code in _warnings(row)),
            "unusual": [[line, codes[line]] for line in unusual_lines(codes)],
        }
        return cls(known, content)

    @cached_property
    def rows(self) -> list[Row]:
        found: list[Row] = json.loads(zlib.decompress(self.content))
        return found

    def count(self, chosen: str, warning: str = "") -> int:
        """Count the rows of a filter."""
        if chosen == "all":
            return int(self.known["rows"])
        if chosen == "warnings":
            return int(self.known["warnings"].get(warning, 0) if warning else self.known["warned"])
        return int(self.known["actions"].get(chosen, 0))


class Rows(Sequence[Row]):
    """All rows of a preview; they are opened as they are asked for."""

    def __init__(self, packed: Sequence[Chunk]) -> None:
        self.chunks = packed

    @classmethod
    def of(cls, rows: Iterable[Row]) -> "Rows":
        return cls([Chunk.of(some) for some in chunks(rows, CHUNK)])

    def __len__(self) -> int:
        return sum(chunk.count("all") for chunk in self.chunks)

    def __iter__(self) -> Iterator[Row]:
        return (row for chunk in self.chunks for row in chunk.rows)

    @overload
    def __getitem__(self, place: int) -> Row: ...
    @overload
    def __getitem__(self, place: slice) -> list[Row]: ...
    def __getitem__(self, place: int | slice) -> Row | list[Row]:
        return list(self)[place]

    def unusual(self) -> dict[int, Sequence[str]]:
        """Return the codes of rows that may be worth a look, by line; the first of each kind are here."""
        return {line: codes for chunk in self.chunks for line, codes in chunk.known["unusual"]}

    def at(self, lines: Iterable[int]) -> dict[int, Row]:
        """Return the rows of these lines, as far as there are such."""
        wanted = set(lines)
        touched = [chunk for chunk, some in self._by_chunk(wanted) if some]
        return {row["line"]: row for chunk in touched for row in chunk.rows if row["line"] in wanted}

    def changed(self, lines: set[int], rows: Mapping[int, Row]) -> "Rows":
        """Have these rows take the place of what is on these lines; the rest is not even opened."""
        anew = []
        for chunk, some in self._by_chunk(lines):
            if not some:
                anew.append(chunk)
                continue
            kept = {row["line"]: row for row in chunk.rows if row["line"] not in some}
            kept |= {line: rows[line] for line in some if line in rows}
            if kept:
                anew.append(Chunk.of([kept[line] for line in sorted(kept)]))
        return Rows(anew)

    def _by_chunk(self, lines: Iterable[int]) -> list[tuple[Chunk, set[int]]]:
        starts = [chunk.known["first"] for chunk in self.chunks]
        by_place: dict[int, set[int]] = {}
        for line in lines:
            by_place.setdefault(max(bisect_right(starts, line) - 1, 0), set()).add(line)
        return [(chunk, by_place.get(place, set())) for place, chunk in enumerate(self.chunks)]


class Filtered(Sequence[Row]):
    """The rows of a filter, by their number: a page of them opens no more chunks than it needs."""

    def __init__(self, packed: Sequence[Chunk], chosen: str, warning: str) -> None:
        self._chunks, self._chosen, self._warning = packed, chosen, warning

    def __len__(self) -> int:
        return sum(chunk.count(self._chosen, self._warning) for chunk in self._chunks)

    @overload
    def __getitem__(self, place: int) -> Row: ...
    @overload
    def __getitem__(self, place: slice) -> list[Row]: ...
    def __getitem__(self, place: int | slice) -> Row | list[Row]:
        if isinstance(place, int):
            (row,) = self[place : place + 1] if place >= 0 else self[place : place + 1 or None]
            return row
        start, stop, step = place.indices(len(self))
        return list(islice(self._after(start), stop - start))[::step] if stop > start else []

    def _after(self, start: int) -> Iterator[Row]:
        before = 0
        for chunk in self._chunks:
            number = chunk.count(self._chosen, self._warning)
            if number and before + number > start:
                found = [row for row in chunk.rows if _is_meant(row, self._chosen, self._warning)]
                yield from found[max(start - before, 0) :]
            before += number


@dataclass(frozen=True, slots=True)
class Preview:
    """`rows` are as in the document of `backfill_customers`, with `plan_code` and `start_date` more, and with
    what `lifts` the problems of a row.

    `head` has more too: `starts` and `first_invoices`, new customers by day, and by plan, day and period;
    `causes` why rows fail; Lago's `plan_codes`, and which of them the file names as they are. `sums` and
    `basis` are what a plan by difference needs to know of the whole one.
    """

    head: Mapping[str, Any]
    rows: Rows

    @property
    def fails(self) -> bool:
        return bool(self.head["counts"]["fail"])

    @property
    def accepted(self) -> dict[str, Any] | None:
        """Return what was accepted with it, as a run keeps it; a preview of 1.1 knows nothing of it."""
        return self.head.get("accepted")

    @property
    def digest(self) -> str:
        """Return what names the plan that somebody can agree to; blank of a preview that 1.1 did not make."""
        found: str = self.head.get("agreed", {}).get("digest", "")
        return found

    def facts(self) -> PlanFacts:
        """Return what of the plan somebody agrees to, of a preview with a digest."""
        rows = [[row["line"], *row["agreed"]] for row in self.rows]
        return PlanFacts.kept({"about": self.head["agreed"]["about"], "rows": rows})

    @property
    def causes(self) -> list[Cause]:
        """Return why rows fail; nothing of a preview that an older version kept."""
        return [Cause.kept(told) for told in self.head.get("causes", ())]

    @property
    def warned(self) -> int:
        return sum(chunk.count("warnings") for chunk in self.rows.chunks)

    def counts(self) -> dict[str, int]:
        """Count the rows behind each filter."""
        return {"all": len(self.rows), **self.head["counts"], "warnings": self.warned}

    def warning_counts(self) -> Mapping[str, int]:
        """Count the rows by the code of each warning that they have."""
        found = Counter[str]()
        for chunk in self.rows.chunks:
            found.update(chunk.known["warnings"])
        return found

    def select(self, chosen: str, search: str, warning: str = "") -> Sequence[Row]:
        """Return the rows of a filter whose external_id holds, or whose line is, what was searched.

        `warning`: of those, the rows that have a warning of this code; blank for all.
        """
        needle = search.strip().casefold()
        if not needle and (chosen == "warnings" or not warning):
            return Filtered(self.rows.chunks, chosen, warning)
        return [row for row in self.rows if _is_meant(row, chosen, warning) and _matches(row, needle)]


def pack(report: Report, basis: Mapping[str, Any], *, for_approval: bool = False) -> bytes:
    """Pack what was planned; `for_approval`: with what somebody can agree to.

    `basis` tells whether it could be planned by difference later.
    """
    head, rows = {**head_to_keep(report), "basis": basis}, rows_to_keep(report)
    if not for_approval:
        return packed(head, rows)
    agreed = PlanFacts.of(report)
    head |= {"agreed": {"about": dict(agreed.about), "digest": agreed.digest()}}
    return packed(head, ({**row, "agreed": agreed.rows[row["line"]].as_json()} for row in rows))


def rows_to_keep(report: Report) -> Iterator[Row]:
    return (_row(report, planned) for planned in report.plan.rows)


def _row(report: Report, planned: PlannedRow) -> dict[str, Any]:
    start = planned.wanted.start_date
    more = {"plan_code": planned.wanted.plan_code, "start_date": start.isoformat() if start else ""}
    lifts = {"lifts": dict(planned.lifts)} if planned.lifts else {}
    return row_of(report, planned) | more | lifts


def only_exists(row: Row) -> bool:
    """Return whether a row fails for nothing but that it is there already."""
    lifts, problems = row.get("lifts", {}), row["problems"]
    return bool(problems) and all(lifts.get(problem["code"]) == SKIP for problem in problems)


def head_to_keep(report: Report) -> dict[str, Any]:
    """Return all but the rows, and but what it was planned by."""
    whole, plan, systems, given = head_of(report), report.plan, report.systems, [*report.given]
    whole["mapped"] = [*report.mapped.sentences()] if report.mapped else []
    whole["starts"] = starts_of(plan)
    whole["first_invoices"] = [one.as_json() for one in first_invoices_of(plan)]
    plan_codes = sorted(systems.target.plans)
    whole["causes"] = [cause.as_json() for cause in causes(plan.rows, given, plan_codes)]
    whole["plan_codes"] = plan_codes
    whole["plans_named"] = same_names("plan_code", given, plan_codes)
    whole["accepted"] = plan.accepted.as_json() if plan.accepted else None
    whole["zone"] = systems.timezone.key
    whole["target"]["world"] = systems.world
    whole["target"]["lago"]["organization_id"] = systems.target.organization.lago_id
    whole["sums"] = sums_of(report)
    return whole


def sums_of(report: Report) -> dict[str, Any]:
    """Count what the head tells in words, or only from a certain number on."""
    plan, steps = report.plan, report.systems.steps
    return {
        "cards": counted_cards(row.wanted for row in plan.rows),
        "details": {one.step.name: [one.number, dict(one.given)] for one in all_details(plan, steps)},
        "to_make": to_make(plan.rows, steps),
    }


def packed(head: Mapping[str, Any], rows: Iterable[Row]) -> bytes:
    return put_together(head, Rows.of(rows))


def put_together(head: Mapping[str, Any], rows: Rows) -> bytes:
    whole = {"head": head, "chunks": [chunk.known for chunk in rows.chunks]}
    first = zlib.compress(json.dumps(whole, ensure_ascii=False).encode(), level=1)
    length = len(first).to_bytes(_LENGTH, "big")
    return b"".join((_CHUNKED, length, first, *(chunk.content for chunk in rows.chunks)))


def unpack(upload: BackfillUpload) -> Preview:
    return unpacked(bytes(upload.preview))


def unpacked(content: bytes) -> Preview:
    """Open a preview, also one that a version before chunks kept."""
    if not content.startswith(_CHUNKED):
        whole = json.loads(zlib.decompress(content))
        rows = whole.pop("rows")
        return Preview(whole, Rows.of(rows))
    begin = len(_CHUNKED) + _LENGTH
    place = begin + int.from_bytes(content[len(_CHUNKED) : begin], "big")
    whole = json.loads(zlib.decompress(content[begin:place]))
    found = []
    for known in whole["chunks"]:
        found.append(Chunk(known, content[place : place + known["size"]]))
        place += known["size"]
    return Preview(whole["head"], Rows(found))


def _warnings(row: Row) -> set[str]:
    return {warning["code"] for warning in row["warnings"]}


def _is_in(row: Row, chosen: str) -> bool:
    if chosen == "warnings":
        return bool(row["warnings"])
    return chosen == "all" or row["action"] == chosen


def _is_meant(row: Row, chosen: str, warning: str) -> bool:
    return _is_in(row, chosen) and (not warning or warning in _warnings(row))


def _matches(row: Row, needle: str) -> bool:
    return not needle or needle in row["external_id"].casefold() or needle == str(row["line"])

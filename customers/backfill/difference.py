"""A preview of a corrected file, made from the one before: only what a correction touches is planned.

That are the rows that differ and all that any check compares with them, before and after. They are planned
as two small files by the code that plans every file. As they were, they must come out as the preview has
them; else the world, or what depends on what, is not as it is taken for here, and nothing is said. So it is
wherever a plan by difference cannot be shown to be the plan of the whole.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from auditlog.models import AuditEntry
from customers.backfill.causes import Failing, causes_of, same_names
from customers.backfill.checks import Related, mixed_dates
from customers.backfill.difference_in_head import changed_head
from customers.backfill.engine.mapped import MappedFile
from customers.backfill.engine.plan import Looked
from customers.backfill.engine.planning import Basis, plan_rows
from customers.backfill.engine.report import Report
from customers.backfill.refused import Refused
from customers.backfill.source import Source, SourceRow
from customers.backfill.stored_preview import Preview, Row, Rows, head_to_keep, put_together, rows_to_keep
from kernel import Problem

MOST = 2_000  # rows; beyond it the whole is planned
WITNESSES = 30  # plans of the file of which a row more is planned, to see that nothing has changed
MOST_BESIDE_A_WITNESS = 20
FRESH = timedelta(minutes=15)  # so long the rows that nobody touches are taken for what they were


@dataclass(frozen=True, slots=True)
class Differs:
    """A file before and after a correction, and the lines on which it differs.

    `after` is None where that is not known before the new file is read.
    """

    before: Sequence[SourceRow]
    after: Sequence[SourceRow] | None
    lines: frozenset[int]


def basis_to_keep(basis: Basis) -> dict[str, Any]:
    """Say by what a whole file was planned, to be compared when it is planned by difference."""
    return {"at": basis.there.isoformat(), "same": _fingerprint(basis), "seen": _last_change()}


def by_difference(kept: Preview, differs: Differs, source: Source, basis: Basis) -> bytes | None:
    """Return the preview of the file as it is after, packed; None where all of it has to be planned.

    `source` reads that file. Raises SourceError, RemoteError.
    """
    if basis.run is not None or not _is_as_it_was(kept.head, basis):
        return None
    mapped = MappedFile(basis.info)
    before, after = [*MappedFile(basis.info).meant(differs.before)], [*mapped.meant(differs.after or source)]
    lines = _touched(before, after, differs.lines) if after else None
    if lines is None:
        return None
    try:
        was, _ = plan_rows([row for row in before if row.line in lines], basis, mapped)
        now, looked = plan_rows([row for row in after if row.line in lines], basis, mapped)
    except Refused:  # what is said of a file as a whole
        return None
    if _plain(rows_to_keep(was)) != list(kept.rows.at(lines).values()):
        return None
    return _changed(kept, lines, (was, now), looked, after, mapped)


def _changed(
    kept: Preview,
    lines: set[int],
    reports: tuple[Report, Report],
    looked: Sequence[Looked],
    after: Sequence[SourceRow],
    mapped: MappedFile,
) -> bytes | None:
    _, now = reports
    before, after_it = (_plain(head_to_keep(report)) for report in reports)
    rows = kept.rows.changed(lines, {row["line"]: row for row in _plain(rows_to_keep(now))})
    head = changed_head(now.info, kept.head, before, after_it, looked, after)
    if head is None:
        return None
    head["input"] = {**after_it["input"], "rows": len(after)}
    head["mapped"] = [*mapped.sentences()] if now.mapped else []
    head["causes"] = _causes(rows, after, head["plan_codes"])
    head["plans_named"] = same_names("plan_code", after, head["plan_codes"])
    return put_together(head, rows)


def _causes(rows: Rows, sources: Sequence[SourceRow], plan_codes: Sequence[str]) -> list[dict[str, Any]]:
    by_line = {row.line: row for row in sources}
    failing = (row for chunk in rows.chunks if chunk.count("fail") for row in chunk.rows)
    found = (_failing(row, by_line[row["line"]]) for row in failing if row["action"] == "fail")
    return [cause.as_json() for cause in causes_of(found, sources, plan_codes)]


def _failing(row: Row, source: SourceRow) -> Failing:
    return Failing(source, [Problem(**one) for one in row["problems"]], row.get("lifts", {}))


def _plain(told: Any) -> Any:
    """Return what is kept as it comes back."""
    return json.loads(json.dumps(told if isinstance(told, dict) else [*told], ensure_ascii=False))


# --- What is touched ---------------------------------------------------------------------------------


def _touched(
    before: Sequence[SourceRow], after: Sequence[SourceRow], lines: Iterable[int]
) -> set[int] | None:
    """Return the lines of all rows that may come out otherwise, and of some witnesses; None if too many."""
    if not (_are_apart(before) and _are_apart(after)):
        return None
    differing = set(lines)
    related = Related([*before, *(row for row in after if row.line in differing)])
    touched = related.to(differing, MOST)
    if touched is None:
        return None
    for witness in _witnesses(before, touched):
        touched |= related.to([witness], MOST_BESIDE_A_WITNESS) or set()
    return touched


def _are_apart(rows: Sequence[SourceRow]) -> bool:
    """Return whether nothing is said of rows that depends on all of the file, and a line is one row."""
    if any(row.uncalculated for row in rows) or mixed_dates(rows):
        return False
    return all(one.line < other.line for one, other in pairwise(rows))


def _witnesses(rows: Sequence[SourceRow], touched: set[int]) -> list[int]:
    """Choose a row of each plan: if anything has changed of it since, they do not come out as they did."""
    found: dict[str, int] = {}
    for row in rows:
        if row.values.plan_code not in found and row.line not in touched:
            found[row.values.plan_code] = row.line
            if len(found) == WITNESSES:
                break
    return [*found.values()]


# --- What has to be as it was ------------------------------------------------------------------------


def _is_as_it_was(head: Mapping[str, Any], basis: Basis) -> bool:
    """Return whether nothing is known to have changed since the whole was planned."""
    told = head.get("basis")  # an older version kept none
    if not told or not timedelta() <= basis.there - datetime.fromisoformat(told["at"]) < FRESH:
        return False
    return bool(told["same"] == _fingerprint(basis) and told["seen"] == _last_change())


def _fingerprint(basis: Basis) -> str:
    """Put into one value what decides rows besides themselves and what is found of them."""
    systems, options = basis.systems, {**basis.options.as_json(), "corrected": None}
    target = systems.target
    said = (
        sorted(options.items()),
        sorted((code, repr(plan)) for code, plan in target.plans.items()),
        (target.organization.lago_id, target.url, target.version, target.taxes_by_country),
        (systems.timezone.key, systems.billing_zone.key, basis.today, basis.billing_day),
        (sorted(systems.world.items()), [step.name for step in systems.steps]),
    )
    return hashlib.sha256(repr(said).encode()).hexdigest()


def _last_change() -> int:
    """Return the number of the last thing that was done here, other than to previews and by customers."""
    entries = AuditEntry.objects.exclude(action__startswith="preview.").exclude(actor__startswith="customer:")
    return entries.order_by("-id").values_list("id", flat=True).first() or 0

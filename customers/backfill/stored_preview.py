"""A plan, kept for its page: what the command would print as JSON, packed. It holds no personal data."""

import json
import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from customers.backfill.causes import Cause, causes, same_names
from customers.backfill.document import head_of, row_of
from customers.backfill.engine.plan import SKIP, PlannedRow
from customers.backfill.engine.report import Report
from customers.backfill.money.looked_at import first_invoices_of, starts_of
from customers.models import BackfillUpload

SHOWN = 200
FILTERS = ("all", "create", "complete", "skip", "fail", "warnings")

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Preview:
    """`rows` are as in the document of `backfill_customers`, with `plan_code` and `start_date` more.

    A row with `exists` fails for nothing but that it is there already.
    `head` has more too: `starts` and `first_invoices`, new customers by day, and by plan, day and period;
    `causes` why rows fail; Lago's `plan_codes`, and which of them the file names as they are.
    """

    head: Mapping[str, Any]
    rows: Sequence[Row]

    @property
    def fails(self) -> bool:
        return bool(self.head["counts"]["fail"])

    @property
    def accepted(self) -> dict[str, Any] | None:
        """Return what was accepted with it, as a run keeps it; a preview of 1.1 knows nothing of it."""
        return self.head.get("accepted")

    @property
    def causes(self) -> list[Cause]:
        """Return why rows fail; nothing of a preview that an older version kept."""
        return [Cause.kept(told) for told in self.head.get("causes", ())]

    @property
    def warned(self) -> int:
        return sum(1 for row in self.rows if row["warnings"])

    def counts(self) -> dict[str, int]:
        """Count the rows behind each filter."""
        return {"all": len(self.rows), **self.head["counts"], "warnings": self.warned}

    def warning_counts(self) -> Mapping[str, int]:
        """Count the rows by the code of each warning that they have."""
        return Counter(code for row in self.rows for code in _warnings(row))

    def select(self, chosen: str, search: str, warning: str = "") -> list[Row]:
        """Return the rows of a filter whose external_id holds, or whose line is, what was searched.

        `warning`: of those, the rows that have a warning of this code; blank for all.
        """
        needle = search.strip().casefold()
        found = [row for row in self.rows if _is_in(row, chosen) and _matches(row, needle)]
        return [row for row in found if not warning or warning in _warnings(row)]


def pack(report: Report) -> bytes:
    rows = (_row(report, planned) for planned in report.plan.rows)
    return packed(_head(report), [*rows])


def _row(report: Report, planned: PlannedRow) -> dict[str, Any]:
    start = planned.wanted.start_date
    more = {"plan_code": planned.wanted.plan_code, "start_date": start.isoformat() if start else ""}
    codes = {problem.code for problem in planned.problems}
    exists = bool(codes) and all(planned.lifts.get(code) == SKIP for code in codes)
    return row_of(report, planned) | more | ({"exists": True} if exists else {})


def _head(report: Report) -> dict[str, Any]:
    whole, plan, systems = head_of(report), report.plan, report.systems
    whole["mapped"] = [*report.mapped.sentences()] if report.mapped else []
    whole["starts"] = starts_of(plan)
    whole["first_invoices"] = [one.as_json() for one in first_invoices_of(plan)]
    plan_codes = sorted(systems.target.plans)
    whole["causes"] = [cause.as_json() for cause in causes(plan.rows, plan_codes)]
    whole["plan_codes"] = plan_codes
    whole["plans_named"] = same_names("plan_code", plan.rows, plan_codes)
    whole["accepted"] = plan.accepted.as_json() if plan.accepted else None
    whole["target"]["world"] = systems.world
    whole["target"]["lago"]["organization_id"] = systems.target.organization.lago_id
    return whole


def packed(head: Mapping[str, Any], rows: Sequence[Row]) -> bytes:
    whole = {**head, "rows": rows}
    return zlib.compress(json.dumps(whole, ensure_ascii=False).encode(), level=1)


def unpack(upload: BackfillUpload) -> Preview:
    whole = json.loads(zlib.decompress(bytes(upload.preview)))
    rows = whole.pop("rows")
    return Preview(whole, rows)


def _warnings(row: Row) -> set[str]:
    return {warning["code"] for warning in row["warnings"]}


def _is_in(row: Row, chosen: str) -> bool:
    if chosen == "warnings":
        return bool(row["warnings"])
    return chosen == "all" or row["action"] == chosen


def _matches(row: Row, needle: str) -> bool:
    return not needle or needle in row["external_id"].casefold() or needle == str(row["line"])

"""What the page of a preview shows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from itertools import islice
from typing import Any

from django.core.paginator import Paginator
from django.http import QueryDict

from customers.admin.imports.cells import WITHOUT, Field, fields_of
from customers.admin.imports.money import money_context
from customers.backfill import stored_preview
from customers.backfill import uploads as staging
from customers.backfill.beside import is_beside_platform
from customers.backfill.causes import Cause
from customers.backfill.corrections import differing_lines
from customers.backfill.engine.acceptance import Past
from customers.backfill.money.beside_words import billed_sentences, by_nobody, difference_sentence, twice
from customers.backfill.money.billed_before import Sums
from customers.backfill.money.differences import Difference, Total
from customers.backfill.money.invoices import NET, Dated
from customers.backfill.money.open_usage import written_kwh
from customers.backfill.money.words import at_once_sentence, change, days_of, money, past_sentence, sum_of
from customers.backfill.remedies import takes_plan
from customers.backfill.samples import FIRST, Shown, first_rows, headings, unusual_rows
from customers.backfill.source import SourceError, lines_named
from customers.backfill.steps import alterations, label
from customers.backfill.stored_preview import FILTERS, SHOWN
from customers.models import BackfillUpload
from kernel.columns import OPEN_USAGE

ACCEPT = "choose “Accept invoices for days that are over” under Options"
FILTER_LABELS = {
    "all": "all", "create": "create", "complete": "complete", "skip": "skip",
    "fail": "problems", "warnings": "warnings",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Tab:
    """A filter of rows, by what is done with them or by the code of a warning."""

    name: str
    label: str
    count: int
    is_chosen: bool


def preview_context(
    upload: BackfillUpload, query: QueryDict, typed: QueryDict | None = None
) -> dict[str, Any]:
    preview = stored_preview.unpack(upload)
    counts, search = preview.counts(), query.get("q", "")[:255]
    chosen = query.get("show", "")
    if chosen not in FILTERS:
        chosen = "fail" if preview.fails else "all"
    warnings = preview.warning_counts()
    warning = query.get("warning", "") if chosen == "warnings" else ""
    warning = warning if warning in warnings else ""
    page = Paginator(preview.select(chosen, search, warning), SHOWN).get_page(query.get("page"))
    fields = fields_of(upload, list(page), typed)
    return {
        "preview": preview.head,
        "billing": [_billing(line) for line in preview.head["billing"]],
        **_invoices(preview.head),
        **_beside(preview.head),
        **money_context(preview.head),
        "tabs": [Tab(name, FILTER_LABELS[name], counts[name], name == chosen) for name in FILTERS],
        "chosen": chosen,
        "search": search,
        "warning": warning,
        "warning_tabs": warning_tabs(warnings, warning),
        "alterations": alterations(warnings).items(),
        "rows": [_row(row, fields, typed) for row in page],
        "is_correctable": bool(fields)
        or any(row["action"] == "fail" and not stored_preview.only_exists(row) for row in page),
        **_causes(preview),
        "differing": differing_lines(upload.options),
        "differing_told": lines_named(differing_lines(upload.options)),
        "uploaded_by": upload.uploaded_by.display_name or upload.uploaded_by.email,
        "page": page,
        "fails": counts["fail"],
        "goes_first": _first_customers(preview),
        "to_do": counts["create"] + counts["complete"],
        "may_confirm": upload.options["allow_partial"] or not counts["fail"],
        "samples": _samples(upload, preview) if not query else (),
        "mapped": preview.head.get("mapped", ()),  # a preview of 1.1 knows nothing of it
        "in_the_way": staging.run_in_the_way(upload.sha256),
        "options": options_told(upload.options),
        "kept_until": upload.expires_at - timedelta(seconds=1),
    }


def _first_customers(preview: stored_preview.Preview) -> list[str]:
    """Name those who are imported first where not all are to go in at once."""
    to_do = {row["external_id"] for row in preview.rows if row["action"] in ("create", "complete")}
    in_order = dict.fromkeys(row["external_id"] for row in preview.rows)
    return list(islice((who for who in in_order if who in to_do), FIRST))


def _samples(
    upload: BackfillUpload, preview: stored_preview.Preview
) -> list[tuple[str, tuple[str, ...], Shown]]:
    """Return rows as they were read, from the file itself: nothing else keeps names and cards of it."""
    try:
        source = staging.open_upload(upload)
        first, unusual = first_rows(source), unusual_rows(source, preview.rows.unusual())
    except SourceError:
        return []
    names = headings(list(islice(source, FIRST)))
    samples = [("The first rows as they were read", names, first)]
    return [*samples, *([("Unusual values", names, unusual)] if unusual else [])]


def warning_tabs(counts: Mapping[str, int], chosen: str) -> list[Tab]:
    """Return a filter for each kind of warning."""
    return [Tab(code, code, number, code == chosen) for code, number in sorted(counts.items())]


def _billing(line: Mapping[str, Any]) -> dict[str, Any]:
    """Add when and how much Lago invoices first. A preview that an older version kept does not know."""
    first = [Dated.of(told) for told in line.get("first_invoices", ())]
    return {
        **line,
        "amount": money(line["amount_cents"], line["currency"]),
        "first_days": days_of(first),
        "first_sum": sum_of(first),
        "bills_at_once": bool(line.get("at_once")),
    }


def _invoices(head: Mapping[str, Any]) -> dict[str, Any]:
    """Say what Lago invoices at once, and what of it is for days that are over."""
    told, past = head.get("invoices"), head.get("invoiced_today")
    at_once = [Dated.of(one) for one in told["at_once"]] if told else []
    accepted = bool(past and past["accepted"])
    return {
        "at_once": at_once_sentence(date.fromisoformat(told["today"]), at_once) if told and at_once else "",
        "untold": told["untold"] if told else 0,
        "net": NET,
        "beside_platform": is_beside_platform(),
        "past": past_sentence(Past.kept(past), accepted=accepted, way=ACCEPT) if past else "",
    }


def _beside(head: Mapping[str, Any]) -> dict[str, Any]:
    """Say what the old provider's bills are beside Lago's, of a file that says something of them."""
    sums = Sums.of(head) if "overlap_untold" in head else None
    told = head.get("differences", {"totals": (), "largest": (), "untold": 0})
    return {
        "billed": list(billed_sentences(sums)) if sums else [],
        "billed_amiss": bool(sums and (sums.overlap_days or sums.gap_days or sums.untold)),
        "billed_by_plan": _billed_by_plan(head) if sums else [],
        "has_differences": "differences" in head,
        "largest": [_difference(Difference.of(one)) for one in told["largest"]],
        "difference_totals": [difference_sentence(Total.of(one)) for one in told["totals"]],
        "differences_untold": told["untold"],
    }


def _billed_by_plan(head: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Name, for each plan, what is billed twice and what by nobody; the total says it of a single one."""
    lines = [line for line in head["billing"] if "overlap_untold" in line]
    sums = [(line["plan_code"], Sums.of(line)) for line in lines]
    return [(code, twice(one), by_nobody(one)) for code, one in sums] if len(sums) > 1 else []


def _difference(one: Difference) -> dict[str, Any]:
    return {
        "line": one.line,
        "external_id": one.external_id,
        "plan_code": one.plan_code,
        "old": money(one.old_cents, one.currency),
        "new": money(one.new_cents, one.currency),
        "change": change(one.cents, one.currency),
    }


def _row(
    row: Mapping[str, Any], fields: Mapping[int, Sequence[Field]], typed: QueryDict | None
) -> dict[str, Any]:
    steps = [(label(name), word) for name, word in row["steps"].items()]
    first = row.get("first_invoice")
    told = f"{first['date']}, {money(first['amount_cents'], first['currency'])}" if first else ""
    other = row.get("difference")
    changed = change(other["difference_cents"], other["currency"]) if other else ""
    kwh = row.get(OPEN_USAGE.name)
    moved = row.get("starts_on") if row.get("starts_on") != row.get("start_date") else None
    return {
        **row,
        "step_list": steps,
        "first": told,
        "change": changed,
        "open_kwh": written_kwh(Decimal(kwh)) if kwh else "",
        "moved_to": moved,
        "fails": row["action"] == "fail",
        "exists": stored_preview.only_exists(row),
        "is_left_out": bool(typed and str(row["line"]) in typed.getlist(WITHOUT)),
        "fields": fields.get(row["line"], ()),
    }


def _causes(preview: stored_preview.Preview) -> dict[str, Any]:
    """Return why rows fail, each with its lines and whether a plan can be chosen for it."""
    causes = preview.causes
    return {
        "causes": [(cause, _lines(cause), takes_plan(cause)) for cause in causes],
        "has_remedies": any(cause.remedies or takes_plan(cause) for cause in causes),
        "plan_codes": preview.head.get("plan_codes", ()),
    }


def _lines(cause: Cause) -> str:
    more = cause.rows - len(cause.lines)
    return lines_named(cause.lines) + (f" and {more:,} after these" if more else "")


def options_told(options: Mapping[str, Any]) -> list[str]:
    """Name what was chosen, where it is not what is usual."""
    told = {
        "skip_existing": "skip what exists",
        "allow_partial": "import the good rows although others would fail",
        "new_run": "start a new run",
        "allow_second_currency": "allow a customer a second currency",
        "accept_invoices_today": "accept invoices for days that are over",
        "start_after_billed": "start on the day after what is billed",
        "no_wait": "do not wait for the platform",
    }
    chosen = [text for name, text in told.items() if options.get(name)]
    if options.get("billed_until"):
        chosen.append(f"billed until {options['billed_until']}")
    if options["date_format"]:
        chosen.append(f"dates as {options['date_format']}")
    if options.get("decimal_mark", ".") != ".":
        chosen.append("amounts with a decimal comma")
    if options["billing_time"] != "calendar":
        chosen.append("billing periods follow the start date")
    if hidden := options.get("hidden_rows"):
        chosen.append("import hidden rows" if hidden == "include" else "leave out hidden rows")
    chosen.extend(options[name] for name in ("encoding", "delimiter") if options.get(name))
    return chosen

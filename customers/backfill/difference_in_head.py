"""The head of a preview, changed by what is otherwise in some of its rows.

Everything there that is not said of a row is a sum. So it becomes what it was, less what these rows gave
before, and with what they give now.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from customers.backfill.checks import file_warnings, of_cards, shared_companies
from customers.backfill.engine.expected import Expected, expected_from
from customers.backfill.engine.plan import Looked
from customers.backfill.ledger.problems import as_json
from customers.backfill.money.details import Details, worth_telling
from customers.backfill.money.totals import Total
from customers.backfill.source import SourceInfo, SourceRow
from customers.backfill.steps import label, plural
from kernel import Step

Head = Mapping[str, Any]
Told = Mapping[str, Any]

# What is said of all rows together, and has to be the same for few of them.
SAME = ("target", "plan_codes", "accepted", "continues", "problems", "settling_in")
# What is told of the file in sums that are not taken apart here.
WHOLE = ("invoiced_today", "differences", "open_usage", "overlap_untold")
STARTS = ("starts_in_past", "starts_today", "starts_in_future")
# Warnings about the file as a whole that are not, either.
UNSUMMED = ("locale_untranslated", "locale_unknown_to_lago")


def changed_head(
    info: SourceInfo,
    kept: Head,
    was: Head,
    now: Head,
    looked: Sequence[Looked],
    rows: Sequence[SourceRow],
) -> dict[str, Any] | None:
    """Return the head without what the file itself says; None if it cannot be told from these.

    `rows` are all of the file as it is now.
    """
    heads = (kept, was, now)
    if any(head[name] != kept[name] for head in (was, now) for name in SAME):
        return None
    if any(head.get(name) is not None for head in heads for name in WHOLE):
        return None
    if any(one["code"] in UNSUMMED for head in heads for one in head["warnings"]):
        return None
    counts = _numbers(*(head["counts"] for head in heads), keep=True)
    sums = _sums(*(head["sums"] for head in heads))
    expected = expected_from({name: tuple(both) for name, both in sums["to_make"].items()}, looked)
    details = worth_telling(_details(sums, [one.step for one in looked]))
    return {
        **kept,
        "status": "would_fail" if counts["fail"] else "would_succeed",
        "counts": counts,
        "billing": _billing(*(head["billing"] for head in heads)),
        "invoices": _invoices(*(head["invoices"] for head in heads)),
        "totals": _totals(*(head["totals"] for head in heads)),
        "details": [one.as_json() for one in details],
        "expected": [one.as_json() for one in expected],
        "warnings": [*_warnings(info, rows, sums, details, expected)],
        "starts": dict(sorted(_numbers(*(head["starts"] for head in heads)).items())),
        "first_invoices": _first_invoices(*(head["first_invoices"] for head in heads)),
        "sums": sums,
    }


def _numbers(kept: Told, was: Told, now: Told, *, keep: bool = False) -> dict[str, int]:
    """Add and take away; `keep`: what comes to nothing too."""
    found = Counter[str](kept)
    found.subtract(was)
    found.update(now)
    return {name: number for name, number in found.items() if number or keep}


Tolds = Sequence[Told]


def _summed(
    kept: Tolds, was: Tolds, now: Tolds, *, by: Sequence[str], numbers: Sequence[str]
) -> list[dict[str, Any]]:
    """Do so with a list in which each has a key, `by`; the first of the numbers says whether there is any."""
    found: dict[tuple[str, ...], dict[str, Any]] = {}
    for sign, some in ((1, kept), (-1, was), (1, now)):
        for one in some:
            key = tuple(one[name] for name in by)
            known = found.setdefault(key, {**one, **dict.fromkeys(numbers, 0)})
            for name in numbers:
                known[name] += sign * (one[name] or 0)
    return [found[key] for key in sorted(found) if found[key][numbers[0]]]


def _dated(kept: Tolds, was: Tolds, now: Tolds) -> list[dict[str, Any]]:
    return _summed(kept, was, now, by=("date", "currency"), numbers=("customers", "amount_cents"))


def _first_invoices(kept: Tolds, was: Tolds, now: Tolds) -> list[dict[str, Any]]:
    by = ("plan_code", "date", "from", "to", "currency")
    return _summed(kept, was, now, by=by, numbers=("customers", "amount_cents"))


def _invoices(kept: Told, was: Told, now: Told) -> dict[str, Any]:
    some = (kept, was, now)
    lists = {name: _dated(*(one[name] for one in some)) for name in ("at_once", "first", "second")}
    return {**kept, **lists, "untold": kept["untold"] - was["untold"] + now["untold"]}


def _billing(kept: Tolds, was: Tolds, now: Tolds) -> list[dict[str, Any]]:
    """Change the lines; what a plan costs is the same for all rows of it."""
    some = [{line["plan_code"]: line for line in lines} for lines in (kept, was, now)]
    lines = _summed(kept, was, now, by=("plan_code",), numbers=("rows", *STARTS))
    for line in lines:
        code, amount = line["plan_code"], line["amount_cents"]
        of_plan = [lines.get(code, {}) for lines in some]
        for name in ("first_invoices", "at_once"):
            line[name] = _dated(*(one.get(name, ()) for one in of_plan))
        line["sum_cents"] = None if amount is None else amount * line["rows"]
        costs = [one.get("whole_cents") for one in of_plan]
        line["whole_cents"] = next((cents for cents in costs if cents is not None), None)
    return lines


def _totals(kept: Tolds, was: Tolds, now: Tolds) -> list[dict[str, Any]]:
    found = _summed(kept, was, now, by=("step", "under"), numbers=("number", "amount_cents"))
    has_amount = {(one["step"], one["under"]) for one in (*kept, *now) if one["amount_cents"] is not None}
    return [
        Total(
            one["step"],
            label(one["step"]),
            plural(one["step"]),
            one["under"],
            one["number"],
            one["amount_cents"] if (one["step"], one["under"]) in has_amount else None,
            one["currency"],
        ).as_json()
        for one in found
    ]


def _sums(kept: Told, was: Told, now: Told) -> dict[str, Any]:
    some = (kept, was, now)
    details = {
        name: [
            kept["details"][name][0] - was["details"][name][0] + now["details"][name][0],
            _numbers(*(one["details"][name][1] for one in some)),
        ]
        for name in kept["details"]
    }
    to_make = {name: _added(*(one["to_make"][name] for one in some)) for name in kept["to_make"]}
    return {"cards": _added(*(one["cards"] for one in some)), "details": details, "to_make": to_make}


def _added(kept: Sequence[int], was: Sequence[int], now: Sequence[int]) -> list[int]:
    return [one - less + more for one, less, more in zip(kept, was, now, strict=True)]


def _details(sums: Told, steps: Sequence[Step]) -> list[Details]:
    told = sums["details"]
    return [
        Details(step, told[step.name][0], Counter(told[step.name][1])) for step in steps if step.name in told
    ]


def _warnings(
    info: SourceInfo,
    rows: Sequence[SourceRow],
    sums: Told,
    details: Sequence[Details],
    expected: Sequence[Expected],
) -> Iterator[dict[str, Any]]:
    """Tell of the file as a whole, in the order in which a plan of the whole does."""
    long = [one.warning for one in expected if one.warning]
    missing = [warning for one in details for warning in one.warnings]
    cards, companies = of_cards(info.name, *sums["cards"]), shared_companies(rows)
    for found in (file_warnings(info), cards, companies, missing, long):
        yield from map(as_json, found)

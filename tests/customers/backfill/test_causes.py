"""Problems of a preview by their cause, and what would put all of them right."""

import json
from collections.abc import Mapping, Sequence
from datetime import date
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from customers.backfill.causes import Cause, causes
from customers.backfill.engine.options import Options
from customers.backfill.engine.plan import PlannedRow, RowAction
from customers.backfill.engine.planning import draft
from customers.backfill.source import SourceRow, parse_mapping, read_bytes
from tests.customers.factories import Row, csv_text, row

PLANS = {
    code: SimpleNamespace(interval="monthly", code=code, pending_deletion=False, amount_currency="EUR")
    for code in ("standard", "fleet")
}
SYSTEMS: Any = SimpleNamespace(
    target=SimpleNamespace(plans=PLANS), timezone=ZoneInfo("Europe/Berlin"), platform=None
)


def read(*given: Row, mapping: str = "") -> list[SourceRow]:
    through = parse_mapping("m.toml", mapping) if mapping else None
    return [*read_bytes("a.csv", csv_text(given).encode(), mapping=through)]


def drafted(source: Sequence[SourceRow]) -> list[PlannedRow]:
    rows = draft(source, SYSTEMS, Options(), date(2026, 11, 28))
    for one in rows:
        one.action = RowAction.FAIL if one.problems else RowAction.CREATE
    return rows


def found(*given: Row, mapping: str = "") -> list[Cause]:
    source = read(*given, mapping=mapping)
    return causes(drafted(source), source, PLANS)


def mappings(cause: Cause) -> list[Mapping[str, Any]]:
    return [remedy.mapping for remedy in cause.remedies]


def test_rows_that_fail_for_one_reason_are_one_cause() -> None:
    (cause, other) = found(*(row(n, email="x") for n in range(1, 4)), row(4, id_tag=""), row(5))

    assert (cause.code, cause.rows, cause.lines) == ("email_invalid", 3, (2, 3, 4))
    assert (other.code, other.lines, other.remedies) == ("id_tag_blank", (5,), ())


@pytest.mark.parametrize(
    ("days", "formats"),
    [
        (["31.12.2024", "1.2.2025"], ["%d.%m.%Y"]),
        (["12/31/2024", "01/02/2025"], ["%m/%d/%Y"]),
        (["01/02/2025"], ["%d/%m/%Y", "%m/%d/%Y"]),
        (["2024/12/31"], ["%Y/%m/%d"]),
        (["31.12.2024", "2024-01-01"], []),
        (["31.12.2024", "12/31/2024"], []),
        (["next week"], []),
    ],
)
def test_days_are_read_as_all_of_them_can_be(days: list[str], formats: list[str]) -> None:
    cause = found(*(row(n, start_date=day) for n, day in enumerate(days, start=1)))[0]

    assert cause.code == "start_date_invalid"
    assert mappings(cause) == [{"file": {"date_format": one}} for one in formats]


def test_a_plan_that_is_called_alike_is_offered_and_the_others_stay_what_they_are() -> None:
    (cause,) = found(row(1, plan_code="Fleet"), row(2, plan_code="Fleet"), row(3))

    assert (cause.value, cause.rows, cause.told) == ("Fleet", 2, "2 rows have “Fleet”.")
    assert cause.remedies[0].label == "Use fleet"
    assert mappings(cause) == [{"values": {"plan_code": {"standard": "standard", "Fleet": "fleet"}}}]


def test_what_is_translated_already_is_left_alone() -> None:
    mapping = '[values.plan_code]\n"standard" = "fleet"\n'

    (cause,) = found(row(1, plan_code="fleets"), row(2), mapping=mapping)

    assert mappings(cause) == [{"values": {"plan_code": {"fleets": "fleet"}}}]


def test_cards_with_separators_are_read_without() -> None:
    (cause,) = found(row(1, id_tag="04:a1:b2:c3"), row(2, id_tag="04 a1 b2 c4"))

    assert mappings(cause) == [{"cards": {"remove_separators": " :"}}]


def test_what_an_option_lifts_is_one_cause_whatever_its_codes() -> None:
    source = read(row(1, email="x"), row(2, id_tag=""))
    rows = drafted(source)
    for one in rows:
        one.lifts = {problem.code: "skip_existing" for problem in one.problems}

    (cause,) = causes(rows, source, PLANS)

    assert (cause.told, cause.rows) == ("2 rows exist already.", 2)
    assert cause.remedies[0].options == {"skip_existing": True}


def test_a_cause_is_kept_and_read_back() -> None:
    (cause,) = found(row(1, plan_code="Fleet"), row(2))

    assert Cause.kept(cause.as_json()) == cause


def test_no_address_and_no_name_is_told() -> None:
    told = found(row(1, plan_code="ann@example.com"), row(2, email="ann@example"))

    assert all("ann@" not in json.dumps(cause.as_json()) for cause in told)

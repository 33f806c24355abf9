"""Whatever an export holds: its mapping says the same as our columns do, and its error file says it again."""

import csv
import io
from collections.abc import Sequence
from datetime import date
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from customers.backfill.engine.options import Options
from customers.backfill.engine.plan import PlannedRow
from customers.backfill.engine.planning import draft
from customers.backfill.source import COLUMNS, Source, parse_mapping, read_bytes
from customers.backfill.source.error_file import write_errors
from customers.backfill.source.formulas import escape
from customers.backfill.source.mapping.amiss import UNDECIDED
from customers.backfill.source.mapping.cards import NotRewrittenError, rewrite
from customers.backfill.source.mapping.model import Cards, FileMapping, Form, LeaveOut, Origin, Translation
from customers.backfill.source.mapping.writing import write_mapping

PLANS = {
    code: SimpleNamespace(interval="monthly", code=code, pending_deletion=False, amount_currency="EUR")
    for code in ("standard", "fleet")
}
SYSTEMS: Any = SimpleNamespace(
    target=SimpleNamespace(plans=PLANS), timezone=ZoneInfo("Europe/Berlin"), platform=None
)
TARIFFS = {"Privat": "standard", "Flotte": "fleet"}
CARDS = Cards(remove_prefixes=("RFID_",), remove_separators=":-", upper_case=True)
MAPPING = FileMapping(
    "old.toml",
    Form(delimiter=";"),
    {
        "email": Origin(("E-Mail",)),
        "display_name": Origin(("Vorname", "Nachname")),
        "external_id": Origin(("Nr",)),
        "id_tag": Origin(("Karte",)),
        "plan_code": Origin(("Tarif",)),
        "start_date": Origin(constant="2026-03-01"),
    },
    {"plan_code": Translation(TARIFFS)},
    CARDS,
    (LeaveOut("Status", ("ended",)),),
)
HEADER = ["Nr", "Vorname", "Nachname", "E-Mail", "Karte", "Tarif", "Status"]


def is_rewritten(card: str) -> bool:
    try:
        rewrite(CARDS, card)
    except NotRewrittenError:
        return False
    return True


no_surrogates = st.characters(exclude_categories=["Cs"])
cell = st.text(no_surrogates.filter(lambda char: char not in "\r\n\0"), max_size=12)
export_row = st.tuples(
    st.one_of(st.from_regex(r"[A-Z]-[0-9]{1,4}", fullmatch=True), cell),
    cell,
    st.one_of(st.just("Müller"), cell),
    st.one_of(st.from_regex(r"[a-z]{1,5}@example\.com", fullmatch=True), cell),
    st.one_of(
        st.from_regex(r"(RFID_)?[0-9a-f]{2}(:[0-9a-f]{2}){3}", fullmatch=True), cell.filter(is_rewritten)
    ),
    st.one_of(st.sampled_from([*TARIFFS, "", "Gold"]), cell),
    st.sampled_from(["active", "Ended", ""]),
).filter(lambda row: any(one.strip() for one in row))


def export(rows: Sequence[Sequence[str]]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=";")
    writer.writerow(HEADER)
    writer.writerows([escape(one) for one in row] for row in rows)
    return text.getvalue().encode()


def by_hand(rows: Sequence[Sequence[str]]) -> bytes:
    """Make our six columns of an export, as an operator would who makes no mistake."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for number, first, last, mail, card, tariff, _ in rows:
        name = " ".join(part for part in (first.strip(), last.strip()) if part)
        plan = TARIFFS.get(tariff.strip(), tariff)
        writer.writerow(
            [escape(one) for one in (mail, name, number, rewrite(CARDS, card), plan, "2026-03-01")]
        )
    return text.getvalue().encode()


def drafted(source: Source) -> list[PlannedRow]:
    rows = (row for row in source if not (row.mapped and row.mapped.left_out))
    return draft(rows, SYSTEMS, Options(), date(2026, 11, 28))


def meaning(row: PlannedRow) -> tuple[object, ...]:
    """Give all of a row but its line; what the mapping cannot say is the plan that Lago does not have."""
    codes = [one.code.replace("value_untranslated", "plan_not_found") for one in row.problems]
    wanted = row.wanted
    values = (wanted.email, wanted.display_name, wanted.external_id, wanted.id_tag, wanted.plan_code)
    return (*values, wanted.start_date, codes, [one.code for one in row.warnings])


@given(st.lists(export_row, min_size=1, max_size=8).filter(lambda rows: any(r[6] != "Ended" for r in rows)))
@settings(max_examples=60, deadline=None)
def test_a_mapping_says_what_our_columns_say(rows: list[Sequence[str]]) -> None:
    kept = [row for row in rows if row[6] != "Ended"]

    mapped = drafted(read_bytes("old.csv", export(rows), mapping=MAPPING))
    own = drafted(read_bytes("new.csv", by_hand(kept)))

    assert [meaning(row) for row in mapped] == [meaning(row) for row in own]


@given(st.lists(export_row, min_size=1, max_size=8))
@settings(max_examples=60, deadline=None)
def test_an_error_file_read_through_the_mapping_is_the_same_again(rows: list[Sequence[str]]) -> None:
    source, stream = read_bytes("old.csv", export(rows), mapping=MAPPING), io.BytesIO()

    write_errors(stream, source.info, [(row, []) for row in source])
    back = read_bytes("errors.csv", stream.getvalue(), mapping=MAPPING)

    assert [(row.values, row.cells, row.mapped) for row in back] == [
        (row.values, row.cells, row.mapped) for row in source
    ]


no_nul = no_surrogates.filter(lambda char: char != "\0")
# A question mark alone says that somebody has still to decide.
name = st.text(no_nul, min_size=1, max_size=12).filter(lambda text: bool(text.strip()) and text != UNDECIDED)


@given(
    st.dictionaries(st.sampled_from(COLUMNS), st.builds(Origin, st.tuples(name), numbers=st.booleans())),
    st.dictionaries(st.text(no_nul, max_size=12).map(str.strip), name, min_size=1, max_size=5),
    st.lists(st.builds(LeaveOut, name, st.tuples(name, name)), max_size=2),
)
@settings(max_examples=100, deadline=None)
def test_whatever_a_mapping_says_is_written_and_read_back(
    fields: dict[str, Origin], values: dict[str, str], left: list[LeaveOut]
) -> None:
    mapping = FileMapping("m", Form(), fields, {"plan_code": Translation(values)}, CARDS, tuple(left))

    back = parse_mapping("m", write_mapping(mapping))

    assert back == mapping
    assert back.sha256() == mapping.sha256()

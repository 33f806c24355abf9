"""A preview that is changed by what differs is the one that planning all of the file gives."""

import json
import random
import zlib
from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from customers.backfill import difference, preview_changes, stored_preview
from customers.backfill import uploads as staging
from customers.backfill.corrections import correction
from customers.backfill.preview_changes import Change
from customers.backfill.samples import unusual_lines
from customers.backfill.source.corrected import Corrections
from customers.models import BackfillUpload
from rehearsal.lago import Sandbox
from tests.customers import factories
from tests.customers.admin.world import client_of, csv_file, member_of_staff, preview_of
from tests.customers.backfill.files import xlsx_bytes
from tests.customers.factories import Row, lago_customer, lago_subscription, row

pytestmark = pytest.mark.django_db

CARDS = ("04A1B2C3", "04a1b2c3", "04-A1-B2-C3", "C3B2A104", "77705923", "4A1B2C3", "0x04A1B2C3", "3283263748")
COLUMNS = ("email", "display_name", "external_id", "id_tag", "plan_code", "start_date")
DAYS = ("2024-01-01", "2026-11-25", "2090-05-01", "31.12.2024", "")
SEEDS = range(4)


@pytest.fixture
def client(lago: Sandbox) -> Client:
    return client_of(member_of_staff("run_backfill", "view_backfillrun"))


def a_row(chance: random.Random, number: int) -> Row:
    """Make a row that is like others of the file in one thing or another, or like none."""
    values = row(chance.randrange(number) + 1 if chance.random() < 0.4 else number + 1)
    likely = chance.random()
    if likely < 0.6:
        values["id_tag"] = chance.choice((f"{number:014X}", f"0{number:06X}1", f"TAG{number:05}"))
    if likely < 0.1:
        values["id_tag"] = chance.choice(CARDS)
    if chance.random() < 0.1:
        values["external_id"] = values["external_id"].swapcase()
    for place, likely_one in (("plan_code", 0.3), ("start_date", 0.1), ("email", 0.1), ("display_name", 0.1)):
        if chance.random() < likely_one:
            values[place] = another(chance, place, number)
    return values


def another(chance: random.Random, column: str, number: int) -> str:
    like = row(chance.randrange(number) + 1)
    return chance.choice(
        {
            "email": (like["email"], like["email"].upper(), "x", ""),
            "display_name": (like["display_name"], 'A, "quoted" name', "#REF!"),
            "external_id": (like["external_id"], like["external_id"].lower(), "", "NULL", f"N-{number}"),
            "id_tag": (like["id_tag"], *CARDS, "", "123"),
            "plan_code": ("standard", "fleet", "Fleet", "gold"),
            "start_date": DAYS,
        }[column]
    )


def some_details(chance: random.Random) -> Row:
    return {
        "country": chance.choice(("DE", "FR", "")),
        "opening_balance": chance.choice(("", "5", "7.50")),
        "legal_name": chance.choice(("", "", "Nordsee GmbH", "nordsee gmbh ", "Ostsee AG")),
    }


def some_corrections(chance: random.Random, lines: Sequence[int]) -> Corrections:
    cells = {
        line: {place: another(chance, COLUMNS[place], 40) for place in chance.sample(range(6), 2)}
        for line in chance.sample(lines, chance.randrange(1, 4))
    }
    without = [line for line in chance.sample(lines, 3) if line not in cells]
    return Corrections(cells, frozenset(without if chance.random() < 0.4 else ()))


def changes(upload: BackfillUpload, chance: random.Random) -> Change:
    source = staging.open_upload(upload).held()
    return correction(upload, source, some_corrections(chance, [one.line for one in source]))


def as_told(upload: BackfillUpload) -> dict[str, Any]:
    """Give all that a preview says, but by what it was planned."""
    kept = stored_preview.unpack(upload)
    shown = {name: kept.select(name, "")[:] for name in stored_preview.FILTERS}
    counted = (kept.counts(), kept.warning_counts(), unusual_lines(kept.rows.unusual()))
    said = {**kept.head, "basis": None, "rows": list(kept.rows), "shown": shown, "counted": counted}
    return dict(json.loads(json.dumps(said)))


@pytest.fixture
def small_chunks() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stored_preview, "CHUNK", 7)
        yield


@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize("seed", SEEDS)
def test_it_is_what_planning_the_whole_gives(client: Client, lago: Sandbox, seed: int) -> None:
    chance = random.Random(seed)
    factories.imported([row(3), row(5)])
    lago_customer(lago, 7)
    lago_subscription(lago, 8)
    given = [a_row(chance, number) for number in range(1, 61)]
    if chance.random() < 0.5:
        given = [one | some_details(chance) for one in given]
    skip = {"skip_existing": "on"} if chance.random() < 0.5 else {}
    found = preview_of(client, csv_file(given), **skip)
    by_difference = 0

    for _ in range(5):
        change = changes(found, chance)
        anew, whole = (preview_changes.changed(found, change) for _ in range(2))
        assert change.differs is not None
        staging.planned(whole)
        if staging.planned_by_difference(anew, found, change.differs):
            by_difference += 1
            assert as_told(anew) == as_told(whole)
        found.data, found.sha256, found.options = whole.data, whole.sha256, whole.options
        found.preview, found.rows = whole.preview, whole.rows

    assert by_difference >= 3


def corrected(upload: BackfillUpload, line: int, place: int, text: str) -> tuple[BackfillUpload, Change]:
    source = staging.open_upload(upload).held()
    change = correction(upload, source, Corrections({line: {place: text}}))
    return preview_changes.changed(upload, change), change


def is_told_apart(upload: BackfillUpload, line: int = 2, place: int = 0, text: str = "new@x.example") -> bool:
    anew, change = corrected(upload, line, place, text)
    assert change.differs is not None
    return staging.planned_by_difference(anew, upload, change.differs)


def test_only_chunks_with_touched_rows_are_written(client: Client) -> None:
    found = preview_of(client, csv_file([row(number) for number in range(1, 1_201)]))
    anew, change = corrected(found, 700, 0, "customer900@example.com")
    assert change.differs is not None

    assert staging.planned_by_difference(anew, found, change.differs)

    before, after = (stored_preview.unpack(one).rows.chunks for one in (found, anew))
    same = [one.content == other.content for one, other in zip(before, after, strict=True)]
    assert same == [True, False, True]
    failing = stored_preview.unpack(anew).select("fail", "")
    assert [one["line"] for one in failing[:]] == [700, 901]


@pytest.mark.parametrize(
    "change",
    [
        lambda lago: factories.imported([row(2)]),
        lambda lago: lago_customer(lago, 1),
        lambda lago: lago_customer(lago, 2),
        lambda lago: lago.put_plans("standard:1000", "fleet:999"),
    ],
)
def test_where_the_world_has_changed_all_of_it_is_planned(client: Client, lago: Sandbox, change: Any) -> None:
    found = preview_of(client, csv_file([row(1), row(2, plan_code="fleet"), row(3)]))
    assert is_told_apart(found)

    change(lago)

    assert not is_told_apart(found)


def test_after_a_while_all_of_it_is_planned(client: Client) -> None:
    found = preview_of(client, csv_file([row(1), row(2)]))

    with time_machine.travel(timezone.now() + difference.FRESH, tick=False):
        assert not is_told_apart(found)


def test_a_preview_of_an_older_version_opens_and_is_planned_as_a_whole(client: Client) -> None:
    found = preview_of(client, csv_file([row(1), row(2, plan_code="gold")]))
    kept = stored_preview.unpack(found)
    head = {name: told for name, told in kept.head.items() if name not in ("basis", "sums")}
    found.preview = zlib.compress(json.dumps({**head, "rows": list(kept.rows)}).encode())

    assert list(stored_preview.unpack(found).rows) == list(kept.rows)
    assert not is_told_apart(found)


def test_where_all_rows_clash_all_of_them_are_planned(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(difference, "MOST", 5)
    found = preview_of(client, csv_file([row(n, email="all@example.com") for n in range(1, 10)]))

    assert not is_told_apart(found)


def test_date_cells_among_texts_concern_all_rows(client: Client) -> None:
    given = [[*row(1).values()], [*row(2).values()], [*row(3, start_date="13/04/2024").values()]]
    given[0][5] = date(2024, 1, 1)  # type: ignore[call-overload]
    data = xlsx_bytes([[*row()], *given])

    assert not is_told_apart(preview_of(client, data, "customers.xlsx"), line=3)

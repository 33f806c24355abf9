"""A preview that is changed by what differs is the one that planning all of the file gives."""

import json
import random
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from django.test import Client

from customers.backfill import difference, preview_changes, stored_preview
from customers.backfill import uploads as staging
from customers.backfill.corrections import correction
from customers.backfill.preview_changes import Change
from customers.backfill.source.corrected import Corrections
from customers.models import BackfillUpload, User
from rehearsal.lago import Sandbox
from tests.customers import factories
from tests.customers.admin.world import client_of, csv_file, member_of_staff, preview_of
from tests.customers.factories import Row, lago_customer, lago_subscription, row

pytestmark = pytest.mark.django_db

CARDS = ("04A1B2C3", "04a1b2c3", "04-A1-B2-C3", "C3B2A104", "77705923", "4A1B2C3", "0x04A1B2C3", "3283263748")
COLUMNS = ("email", "display_name", "external_id", "id_tag", "plan_code", "start_date")
DAYS = ("2024-01-01", "2026-11-25", "2090-05-01", "31.12.2024", "")
SEEDS = range(12)


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
    counted = (kept.counts(), kept.warning_counts(), sorted(kept.rows.unusual()))
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

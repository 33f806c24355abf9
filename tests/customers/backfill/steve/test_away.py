"""A SteVe that stops working in the middle of a run: its database has gone, or it hangs."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from customers.models import BackfillRun
from rehearsal.lago import Sandbox
from tests.billing.scripted import Answer, Asked, Scripted, scripted_server
from tests.charging.answers import BROKEN, EMPTY, id_tag
from tests.customers.backfill.steve.world import manage
from tests.customers.factories import csv_text, imported, rows

pytestmark = pytest.mark.django_db

HANGS = Answer(silent=True)
WHOLE_LIST = "/steve/api/v1/ocppTags"
AWAY = "SteVe does not work at the moment; no further row was begun"


@pytest.fixture
def scripted(settings: Any, lago: Sandbox) -> Iterator[Scripted]:
    """A SteVe that says what it is told to, which the settings point to."""
    with scripted_server() as server:
        settings.STEVE_BASE_URL = f"{server.url}/steve"
        settings.STEVE_API_USERNAME, settings.STEVE_API_KEY = "user", "key"
        yield server


def until_the_first_write(then: Answer) -> Callable[[Asked], Answer]:
    """Work well until something is to be made, and answer everything with `then` from there on."""
    broken: list[bool] = []

    def route(asked: Asked) -> Answer:
        if asked.method != "GET":
            broken.append(True)
        return then if broken else EMPTY

    return route


@pytest.mark.parametrize(("answer", "most"), [(BROKEN, 3), (HANGS, 1)], ids=["500", "hangs"])
@pytest.mark.parametrize("concurrency", [1, 8])
def test_the_first_row_that_meets_it_ends_the_run(
    scripted: Scripted, lago: Sandbox, settings: Any, answer: Answer, most: int, concurrency: int
) -> None:
    settings.STEVE_TIMEOUT_S = 0.2
    scripted.route = until_the_first_write(answer)

    report = imported(rows(30), concurrency=concurrency)

    writes = [asked for asked in scripted.asked if asked.method == "POST"]
    asked_after = scripted.asked[scripted.asked.index(writes[0]) :]
    assert (report.status, report.reason) == ("failed", AWAY)
    assert len(writes) <= concurrency
    assert len(asked_after) - len(writes) <= most * len(writes)
    assert lago.state()["customers"] == []


def test_it_goes_on_where_it_stopped_once_steve_works(
    scripted: Scripted, lago: Sandbox, settings: Any
) -> None:
    made: dict[str, Any] = {}

    def works(asked: Asked) -> Answer:
        if asked.method == "POST":
            name = asked.json["idTag"]
            made[name] = id_tag(name, len(made) + 1)
            return Answer(201, made[name])
        return Answer(200, [] if "ocppTagPk=0" in asked.target else list(made.values()))

    scripted.route = until_the_first_write(BROKEN)
    broken = imported(rows(30))
    scripted.route = works

    again = imported(rows(30))

    assert (again.status, again.run, len(made)) == ("succeeded", broken.run, 30)


def test_a_row_that_steve_fails_at_fails_by_itself(scripted: Scripted, lago: Sandbox) -> None:
    def route(asked: Asked) -> Answer:
        if asked.method != "POST":
            return EMPTY
        name = asked.json["idTag"]
        return BROKEN if name == "TAG0002" else Answer(201, id_tag(name, int(name[-4:])))

    scripted.route = route

    report = imported(rows(5), allow_partial=True)

    assert report.status == "partial"
    assert {line: done.outcome for line, done in report.outcomes.items() if done.outcome == "failed"} == {
        3: "failed"
    }
    assert len(lago.state()["customers"]) == 4


@pytest.mark.parametrize("variable", ["STEVE_BASE_URL", "LAGO_API_URL"])
def test_authorities_that_are_not_there_are_one_line(
    scripted: Scripted, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "missing.pem"))
    scripted.route = until_the_first_write(BROKEN)
    setattr(settings, variable, getattr(settings, variable).replace("http:", "https:"))
    file = tmp_path / "customers.csv"
    file.write_text(csv_text(rows(1)))

    code, out, err = manage("backfill_customers", "--input", str(file))

    assert (code, out, len(err.splitlines())) == (2, "", 1)
    assert "REQUESTS_CA_BUNDLE" in err
    assert not BackfillRun.objects.exists()

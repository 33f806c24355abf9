"""Whose time it is in the sandbox, and how a client hears of it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import requests

from rehearsal.lago import SANDBOX_KEY, Sandbox
from rehearsal.lago.clock import quiet, quiet_zone


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


def date_told(sandbox: Sandbox) -> str | None:
    headers = {"Authorization": f"Bearer {SANDBOX_KEY}"}
    answer = requests.get(f"{sandbox.url}/api/v1/organizations", headers=headers, timeout=60)
    return answer.headers.get("Date")


def test_without_a_time_of_its_own_it_tells_none_as_lago_does(sandbox: Sandbox) -> None:
    assert date_told(sandbox) is None


def test_a_time_of_its_own_is_told_as_a_proxy_does(sandbox: Sandbox) -> None:
    sandbox.set_clock("2027-03-01T09:00:00Z", frozen=True)

    assert date_told(sandbox) == "Mon, 01 Mar 2027 09:00:00 GMT"


def test_the_clock_can_be_put_right(sandbox: Sandbox) -> None:
    sandbox.set_clock("2027-03-01T09:00:00Z", frozen=True)

    sandbox.right_clock()

    assert date_told(sandbox) is None


@pytest.mark.parametrize(
    ("now", "there"),
    [
        ("2027-03-01T09:00:00+00:00", "2027-03-02T09:00:00+00:00"),
        ("2027-01-01T00:00:00+00:00", "2027-01-02T00:00:00+00:00"),
        ("2028-02-29T23:59:59+00:00", "2028-02-29T23:59:59+00:00"),
        ("2026-12-31T12:00:00+00:00", "2026-12-31T12:00:00+00:00"),
    ],
)
def test_a_quiet_day_begins_no_month(now: str, there: str) -> None:
    assert quiet(datetime.fromisoformat(now)) == datetime.fromisoformat(there)


def test_in_a_quiet_zone_it_is_never_the_first() -> None:
    hours = [datetime(2027, 1, 1, tzinfo=UTC) + timedelta(minutes=30 * half) for half in range(2 * 24 * 365)]

    assert all(hour.astimezone(ZoneInfo(quiet_zone(hour))).day != 1 for hour in hours)
    assert {quiet_zone(hour) for hour in hours if hour.day != 1} == {"UTC"}


def test_a_sandbox_on_a_quiet_day_stands_there_from_the_beginning_and_after_a_reset(time_machine) -> None:
    time_machine.move_to("2027-03-01T09:00:00Z")
    with Sandbox(on_a_quiet_day=True) as sandbox:
        before = date_told(sandbox)
        sandbox.set_clock("2030-01-01T00:00:00Z")

        sandbox.reset()

        assert before is not None
        assert before.startswith("Tue, 02 Mar 2027 09:00")
        assert date_told(sandbox) == before

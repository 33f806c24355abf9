"""When a run begins that waits for its hour: what is said on a wall, and which instant that is."""

from datetime import UTC, datetime, timedelta

import pytest

from customers.backfill.ledger import schedule
from customers.backfill.refused import Refused
from customers.models import BackfillRun

BERLIN = "Europe/Berlin"
THE_WEEK_BEFORE = datetime(2027, 3, 25, 12, tzinfo=UTC)


def at(said: str, zone: str = BERLIN, now: datetime = THE_WEEK_BEFORE) -> str:
    return f"{schedule.instant(datetime.fromisoformat(said), zone, now):%Y-%m-%d %H:%M}"


@pytest.mark.parametrize(
    ("said", "zone", "instant"),
    [
        ("2027-03-27 22:00", BERLIN, "2027-03-27 21:00"),
        ("2027-03-28 01:59", BERLIN, "2027-03-28 00:59"),
        ("2027-03-28 03:00", BERLIN, "2027-03-28 01:00"),
        ("2027-03-28 22:00", BERLIN, "2027-03-28 20:00"),
        ("2027-03-28 02:30", "UTC", "2027-03-28 02:30"),
    ],
)
def test_a_time_around_the_change_of_the_clock_is_its_instant(said: str, zone: str, instant: str) -> None:
    assert at(said, zone) == instant


def test_a_time_that_the_clocks_leave_out_is_refused() -> None:
    with pytest.raises(Refused, match=r"no 2027-03-28 02:30 in Europe/Berlin.* put forward, and it is 03:30"):
        at("2027-03-28 02:30")


def test_a_time_that_comes_twice_has_to_be_said_in_utc() -> None:
    before = datetime(2027, 10, 30, tzinfo=UTC)

    with pytest.raises(Refused, match=r"comes twice.* at 00:30 UTC and at 01:30 UTC") as refused:
        at("2027-10-31 02:30", now=before)

    assert "choose the zone UTC" in refused.value.hint
    assert at("2027-10-31 01:30", "UTC", before) == "2027-10-31 01:30"


@pytest.mark.parametrize(
    ("said", "zone", "why"),
    [
        ("2027-03-25 12:59", BERLIN, "is over"),
        ("2027-04-02 22:00", BERLIN, "more than 7 days away"),
        ("2027-03-27 22:00", "Berlin", "no time zone 'Berlin'"),
    ],
)
def test_a_time_that_cannot_be_meant_is_refused(said: str, zone: str, why: str) -> None:
    with pytest.raises(Refused, match=why):
        at(said, zone)


@pytest.mark.parametrize(
    ("said", "zone"), [("0001-01-01 00:00", "Asia/Tokyo"), ("9999-12-31 23:59", "America/Lima")]
)
def test_a_time_that_is_in_no_year_of_utc_is_refused(said: str, zone: str) -> None:
    with pytest.raises(Refused, match="no time at which a run can begin"):
        at(said, zone)


def test_it_is_told_in_its_zone_and_in_utc() -> None:
    hour = datetime(2027, 3, 28, 20, tzinfo=UTC)

    assert schedule.told(BackfillRun(starts_at=hour, starts_zone=BERLIN)) == (
        "2027-03-28 22:00 Europe/Berlin (2027-03-28 20:00 UTC)"
    )
    assert schedule.told(BackfillRun(starts_at=hour, starts_zone="UTC")) == "2027-03-28 20:00 UTC"


@pytest.mark.django_db
@pytest.mark.parametrize(("late", "status"), [(12, "queued"), (13, "interrupted")])
def test_half_a_day_too_late_it_does_not_begin_by_itself(late: int, status: str) -> None:
    hour = datetime(2027, 3, 28, 20, tzinfo=UTC)
    run = BackfillRun.objects.create(
        run_id="20270328-000000-aaaa", input_sha256="a" * 64, actor="staff:1",
        status="queued", starts_at=hour, starts_zone=BERLIN,
    )  # fmt: skip

    missed = schedule.is_missed(run, lambda: hour + timedelta(hours=late))

    run.refresh_from_db()
    assert (missed, run.status) == (status == "interrupted", status)
    assert not missed or "begin at 2027-03-28 22:00 Europe/Berlin (2027-03-28 20:00 UTC)" in run.reason

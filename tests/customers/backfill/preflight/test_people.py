"""What a file means in these surroundings."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import pytest

from customers.backfill.preflight import Asked, Finding, parts, read_people
from customers.backfill.preflight.people import FILE
from rehearsal.lago import Sandbox
from tests.customers.backfill.preflight.looking import is_ok, is_stop, is_warning, look, states
from tests.customers.factories import Row, row, rows, source

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def found(given: Iterable[Row], now: datetime = NOW, date_format: str | None = None) -> dict[str, Finding]:
    return look(FILE, Asked(read_people(source(given), date_format), lambda: now))


def beside(settings: Any) -> None:
    settings.POLARIS_DATABASE_URL = "postgres://elsewhere/platform"


def test_a_file_in_order_is_well(lago: Sandbox) -> None:
    told = found(rows(2, start_date="2026-11-01"))

    assert states(told) == {"external_ids": "ok", "names": "ok", "starts": "ok"}


def test_an_external_id_with_a_dot_is_a_warning_unless_the_run_makes_it_there(
    lago: Sandbox, settings: Any
) -> None:
    given = [row(number, external_id=f"C.{number}") for number in range(7)]
    alone = found(given)["external_ids"]
    beside(settings)

    assert is_warning(alone, "7 with a dot (C.0, C.1, C.2, C.3, C.4 and 2 more)", "POLARIS_DATABASE_URL")
    assert is_ok(found(given)["external_ids"])


def test_a_name_that_steve_cannot_keep_stops_the_night_beside_a_platform(
    lago: Sandbox, settings: Any
) -> None:
    given = [row(1), row(2, display_name="Zoë Ｚ"), row(3, display_name="Alice 🚗")]
    alone = found(given)["names"]
    beside(settings)

    assert is_warning(alone, "line 4: ", "Take it out")
    assert is_stop(found(given)["names"], "line 4: ")
    assert "Alice" not in f"{alone}"


def test_customers_who_start_in_an_earlier_month_are_counted_once_each(lago: Sandbox) -> None:
    given = [
        row(1, start_date="2026-10-31"),
        row(1, id_tag="SECOND", start_date="2026-11-01"),
        row(2, start_date="2026-11-01"),
        row(3, start_date="2026-12-01"),
        row(4, start_date="nonsense"),
    ]

    told = found(given)["starts"]

    assert is_warning(
        told, "1 of 4 customers", "ended before 2026-11-01 will ever be billed", "former system"
    )


def test_the_month_is_that_of_lagos_time_zone(lago: Sandbox, settings: Any) -> None:
    lago.set_organization(billing_entity_timezone="Pacific/Auckland")
    given, still_october = [row(1, start_date="2026-10-31")], datetime(2026, 10, 31, 12, tzinfo=UTC)
    in_auckland = found(given, still_october)["starts"]
    settings.BACKFILL_TIMEZONE = "UTC"

    assert is_warning(in_auckland)
    assert is_ok(found(given, still_october)["starts"])


def test_a_lago_that_does_not_answer_hides_nothing_of_the_file(lago: Sandbox) -> None:
    lago.stop()

    assert is_warning(found(rows(1))["starts"])


def test_a_date_is_read_as_it_is_said_to_be_written(lago: Sandbox) -> None:
    assert is_warning(found([row(1, start_date="31.10.2026")], date_format="%d.%m.%Y")["starts"], "1 of 1")


def test_a_moment_is_on_the_day_that_it_is_where_days_are_meant(lago: Sandbox, settings: Any) -> None:
    settings.BACKFILL_TIMEZONE = "Europe/Berlin"
    given = [row(1, start_date="2026-10-31T22:30:00Z"), row(2, start_date="2026-10-31T23:00:00Z")]

    assert is_warning(found(given)["starts"], "1 of 2")


def test_cells_that_may_be_in_the_wrong_columns_say_nothing(lago: Sandbox) -> None:
    from customers.backfill.source import read_bytes

    header = "email,display_name,external_id,id_tag,plan_code,start_date\n"
    data = f"{header}a@example.com,Alice 🚗,C.1,TAG1,standard,2020-01-01,surplus\n"
    people = read_people(read_bytes("customers.csv", data.encode()))

    assert (people.cards, dict(people.starts), people.unusual) == (1, {}, ())


@pytest.mark.parametrize("people", [None, read_people(source(rows(1)))])
def test_without_a_file_nothing_is_said_of_one(lago: Sandbox, people: Any) -> None:
    assert (FILE in parts(Asked(people))) == (people is not None)

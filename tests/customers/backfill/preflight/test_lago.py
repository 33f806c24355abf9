"""Whether Lago is there and would bill what the platform sends."""

from typing import Any

import pytest

from customers.backfill.preflight import Asked, People
from customers.backfill.preflight import lago as lago_part
from customers.backfill.preflight.lago import LAGO
from rehearsal.lago import Sandbox
from tests.customers.backfill.preflight.looking import (
    dated,
    is_ok,
    is_stop,
    is_warning,
    look,
    proxy,
    states,
)
from tests.customers.factories import lago_subscription
from tests.rehearsal.lago.calls import Caller

METRIC = {"code": "ev_charging_kwh"}


def add_endpoint(by_hand: Caller, **fields: Any) -> None:
    sent = {"webhook_url": "https://hooks.example.com/x?key=s3cret", "signature_algo": "jwt", **fields}
    answer = by_hand.post("/webhook_endpoints", {"webhook_endpoint": sent})
    assert answer.status == 200


def test_a_lago_in_order_is_well(lago: Sandbox) -> None:
    found = look(LAGO)

    assert states(found) == dict.fromkeys(
        (
            "answers", "version", "rights of the key", "metric", "plans", "time zone", "clock", "rate",
            "webhooks",
        ),
        "ok",
    )  # fmt: skip
    assert is_ok(found["answers"], "Sandbox Charging at http://")
    assert is_ok(found["metric"], "ev_charging_kwh is sum_agg over value")


def test_nothing_is_written_in_lago(lago: Sandbox) -> None:
    look(LAGO)

    assert {call.partition(" ")[0] for call in lago.counts()} == {"GET"}


def test_a_lago_that_does_not_answer_is_one_line(lago: Sandbox) -> None:
    lago.stop()

    found = look(LAGO)

    assert list(found) == ["answers"]
    assert is_stop(found["answers"], "cannot be reached", "LAGO_API_URL")


def test_a_lago_that_hangs_is_one_line(lago: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lago_part, "TIMEOUT_S", 0.2)
    lago.fault("pause_before")

    found = look(LAGO)

    assert list(found) == ["answers"]
    assert is_stop(found["answers"], "no answer in time")


def test_one_call_that_fails_hides_nothing_else(lago: Sandbox) -> None:
    lago.fault("502_html,path=/billing_entities,times=9")

    found = look(LAGO)

    assert is_warning(found["rights of the key"], "502")
    assert is_ok(found["plans"])
    assert is_stop(found["time zone"], "502")
    assert is_ok(found["webhooks"])


def test_one_that_dies_in_between_is_not_waited_for_at_every_check(lago: Sandbox) -> None:
    lago.fault("502_html,path=/(plans|billable_metrics),times=9")

    found = look(LAGO)

    assert list(found) == ["answers", "version", "rights of the key", "metric"]
    assert is_warning(found["metric"], "502")


def test_a_wrong_key_is_one_line(lago: Sandbox, settings: Any) -> None:
    settings.LAGO_API_KEY = "wrong"

    found = look(LAGO)

    assert list(found) == ["answers"]
    assert is_stop(found["answers"], "LAGO_API_KEY")
    assert "wrong" not in found["answers"].found


@pytest.mark.parametrize("key", ["", "schlüssel—"])
def test_a_key_that_cannot_be_sent_is_a_matter_of_settings(lago: Sandbox, settings: Any, key: str) -> None:
    settings.LAGO_API_KEY = key

    assert is_stop(look(LAGO)["settings"], "LAGO_API_KEY")


def test_a_lago_that_would_bill_a_revert_stops_the_night(lago: Sandbox) -> None:
    lago.set_organization(version="v1.31.9")

    assert is_stop(look(LAGO)["version"], "v1.31.9", "Upgrade Lago to 1.32")


def test_a_lago_that_would_bill_a_revert_is_known_by_its_subscriptions(lago: Sandbox, settings: Any) -> None:
    with Sandbox(compat="old") as old:
        settings.LAGO_API_URL = old.url
        lago_subscription(old)

        found = look(LAGO)["version"]

    assert is_stop(found, "production", "Upgrade Lago to 1.32")


def test_a_lago_that_does_not_bill_a_revert_is_known_by_its_subscriptions(lago: Sandbox) -> None:
    lago_subscription(lago)
    lago.set_organization(version="production")

    assert is_ok(look(LAGO)["version"])


def test_a_version_that_does_not_tell_is_a_warning(lago: Sandbox) -> None:
    lago.set_organization(version="2026-11-01")

    assert is_warning(look(LAGO)["version"], "2026-11-01", "1.32")


def test_what_the_key_may_not_read_is_named(lago: Sandbox) -> None:
    lago.set_organization(permissions={"customer": ["write"], "event": []})

    found = look(LAGO)

    assert is_stop(found["rights of the key"], "may not read customers, events")
    assert is_ok(found["plans"])


def test_what_cannot_be_looked_at_hides_nothing_else(lago: Sandbox) -> None:
    lago.set_organization(permissions={"plan": [], "webhook_endpoint": []})

    found = look(LAGO)

    assert is_stop(found["plans"], "403")
    assert is_ok(found["time zone"])
    assert is_warning(found["webhooks"], "403")


def test_a_metric_that_is_not_there_stops_the_night(lago: Sandbox, settings: Any) -> None:
    settings.LAGO_METRIC_CODE = "kilowatts"

    assert is_stop(look(LAGO)["metric"], "no billable metric kilowatts", "LAGO_METRIC_CODE")


def test_a_metric_that_counts_instead_of_adding_stops_the_night(lago: Sandbox) -> None:
    lago.put_metrics({**METRIC, "aggregation_type": "count_agg", "field_name": None})

    assert is_stop(look(LAGO)["metric"], "count_agg over nothing", "sessions cost nothing")


def test_a_plan_without_a_charge_is_a_warning(lago: Sandbox) -> None:
    lago.put_plans({"code": "flat", "metered": False})

    assert is_warning(look(LAGO)["plans"], "not on flat: sessions cost nothing there", "Add a charge")


def test_many_plans_are_one_line() -> None:
    codes = [f"plan-{number}" for number in range(12)]

    assert lago_part._named(codes).endswith("plan-7 and 4 more")


def test_another_time_zone_than_lagos_is_a_warning(lago: Sandbox, settings: Any) -> None:
    lago.set_organization(billing_entity_timezone="Europe/Berlin")
    agreeing = look(LAGO)["time zone"]
    settings.BACKFILL_TIMEZONE = "America/New_York"

    assert is_ok(agreeing, "Europe/Berlin")
    assert is_warning(look(LAGO)["time zone"], "America/New_York", "Europe/Berlin")


def test_a_time_zone_that_nobody_knows_stops_the_night(lago: Sandbox) -> None:
    lago.set_organization(billing_entity_timezone="Mars/Olympus")

    assert is_stop(look(LAGO)["time zone"], "BACKFILL_TIMEZONE")


@pytest.mark.parametrize(
    ("ahead_s", "judged", "said"),
    [(2, is_ok, "agrees"), (120, is_warning, "ahead of ours"), (-400, is_stop, "behind ours")],
)
def test_lagos_clock_is_told_by_the_proxy_before_it(
    lago: Sandbox, settings: Any, ahead_s: float, judged: Any, said: str
) -> None:
    with proxy(lago.url, dated(ahead_s)) as url:
        settings.LAGO_API_URL = url

        assert judged(look(LAGO)["clock"], said)


def test_more_calls_than_lago_allows_are_a_warning(lago: Sandbox, settings: Any) -> None:
    with proxy(lago.url, lambda: {"X-RateLimit-Limit": "50"}) as url:
        settings.LAGO_API_URL = url
        unlimited = look(LAGO)["rate"]
        settings.BACKFILL_LAGO_RATE = 51
        above = look(LAGO)["rate"]
        settings.BACKFILL_LAGO_RATE = 50

        assert is_warning(unlimited, "no limit on calls/s", "Lago allows 50")
        assert is_warning(above, "51 calls/s", "BACKFILL_LAGO_RATE")
        assert is_ok(look(LAGO)["rate"])


def test_the_rate_says_how_long_the_file_takes(lago: Sandbox, settings: Any) -> None:
    settings.BACKFILL_LAGO_RATE = 25
    people = People(3, {str(number): None for number in range(250)}, ())

    assert is_ok(look(LAGO)["rate"], "1,000 customers in about 80 s")
    assert is_ok(look(LAGO, Asked(people))["rate"], "250 customers in about 20 s")


def test_who_hears_of_an_import_is_named_without_what_opens_its_door(lago: Sandbox, by_hand: Caller) -> None:
    add_endpoint(by_hand, signature_algo="hmac")

    found = look(LAGO)["webhooks"]

    assert is_ok(found, "hooks.example.com")
    assert "s3cret" not in found.found


@pytest.mark.parametrize(
    ("endpoint", "said"),
    [
        (None, "no endpoint hears of subscriptions"),
        ({"signature_algo": "hmac"}, "no endpoint is signed with jwt"),
        ({"event_types": ["invoice.created"]}, "no endpoint that is signed with jwt hears"),
        ({"event_types": ["subscription.started"]}, "no endpoint that is signed with jwt hears"),
    ],
)
def test_beside_a_platform_a_webhook_that_it_accepts_is_missed(
    lago: Sandbox, by_hand: Caller, settings: Any, endpoint: dict[str, Any] | None, said: str
) -> None:
    settings.POLARIS_DATABASE_URL = "postgres://elsewhere/platform"
    if endpoint is not None:
        add_endpoint(by_hand, **endpoint)

    assert is_warning(look(LAGO)["webhooks"], said, "signed with jwt, for all events")


@pytest.mark.parametrize(
    "endpoint", [{}, {"event_types": ["subscription.started", "subscription.terminated"]}]
)
def test_beside_a_platform_a_webhook_that_it_accepts_is_well(
    lago: Sandbox, by_hand: Caller, settings: Any, endpoint: dict[str, Any]
) -> None:
    settings.POLARIS_DATABASE_URL = "postgres://elsewhere/platform"
    add_endpoint(by_hand, **endpoint)

    assert is_ok(look(LAGO)["webhooks"], "hooks.example.com")

"""A customer who is billed from a later day on: blocked until then, and that is right; open from that day."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from customers.models import IdTagMapping
from polaris import PlatformMappingStep
from tests.customers.backfill.platform.there import EMAIL, KEY, TAG, E, card, cards, user
from tests.customers.backfill.steve.world import divergences, manage, run_of
from tests.customers.factories import Row, csv_text, imported, planned, row, steps, told
from tests.rehearsal.platform.town import START, Town

pytestmark = pytest.mark.django_db
OPEN_EARLY = "steve_id_tag_open_early"
LATER = (datetime.now(UTC) + timedelta(days=3)).date().isoformat()
LATER_ON = timedelta(days=4).total_seconds()


def test_the_card_is_ours_at_once_and_on_the_platform_it_waits(town: Town) -> None:
    report = imported([row(1, start_date=LATER)])
    before = town.limits()[TAG]
    town.platform.sync()

    assert (report.status, IdTagMapping.objects.get().is_active) == ("succeeded", True)
    assert [one[2:] for one in cards(town)] == [(E, False, KEY)]
    assert (before, town.limits()[TAG]) == (0, 0)


def test_the_plan_says_that_the_card_is_blocked_until_then(town: Town) -> None:
    plan = told(planned([row(1, start_date=LATER)]))

    assert any(
        f"starts on {LATER}; until then the platform keeps the card blocked" in one["message"]
        for one in plan[2]["warnings"]
    )


def test_reconcile_and_verify_call_that_right(town: Town) -> None:
    run = run_of(imported([row(1, start_date=LATER), row(2)]))
    town.platform.sync()

    code, out, err = manage("backfill_verify", "--run-id", run.run_id)

    assert divergences(run) == []
    assert (code, "NO GO" in out + err) == (0, False), out + err


def test_on_its_day_lagos_word_opens_it(town: Town) -> None:
    town.send_webhooks()
    imported([row(1, start_date=LATER)])
    town.platform.sync()
    before = town.limits()[TAG]

    town.lago.advance_clock(LATER_ON)
    town.lago.wait_webhooks()
    town.platform.sync()

    assert [one[2:] for one in cards(town)] == [(E, True, KEY)]
    assert (before, town.limits()[TAG]) == (0, -1)


def test_a_second_run_of_the_file_leaves_it_waiting(town: Town) -> None:
    given = [row(1, start_date=LATER)]
    imported(given)

    again = imported(given, skip_existing=True)

    assert again.status == "succeeded"
    assert [one[2:] for one in cards(town)] == [(E, False, KEY)]
    assert town.limits()[TAG] == 0


def test_a_card_that_is_there_and_inactive_waits_too(town: Town) -> None:
    pk = town.add_tag(TAG, 0)
    card(town, user(town), pk, is_active=False, lago_subscription_external_id=None)

    report = imported([row(1, start_date=LATER)], skip_existing=True)

    assert steps(report)["platform_mapping"] == "adopted"
    assert [one[2:] for one in cards(town)] == [(E, False, KEY)]
    assert (town.limits()[TAG], divergences(run_of(report))) == (0, [])


# --- It was in SteVe, open -----------------------------------------------------------------------------


def warned(given: list[Row]) -> list[str]:
    return [one["code"] for one in told(planned(given, skip_existing=True))[2]["warnings"]]


def test_a_card_that_is_open_in_steve_is_warned_of_and_the_sync_blocks_it(town: Town, tmp_path: Path) -> None:
    """What others made is not blocked by us: nobody was billed for it before either. The platform does it."""
    town.add_tag(TAG)
    given = [row(1, start_date=LATER)]
    file = tmp_path / "customers.csv"
    file.write_text(csv_text(given))

    before = warned(given)
    code, out, _ = manage("backfill_customers", "--input", str(file), "--skip-existing")

    assert OPEN_EARLY in before
    assert (code, "all cards are as they should be" in " ".join(out.split())) == (0, True)
    assert town.limits()[TAG] == 0
    assert OPEN_EARLY not in warned(given)


def test_a_card_that_the_sync_leaves_open_before_its_start_is_named(town: Town, tmp_path: Path) -> None:
    """Staff have activated it: the platform keeps it open, and what would pay does not exist yet."""
    pk = town.add_tag(TAG)
    card(town, user(town), pk, is_active=True, lago_subscription_external_id=None)
    file = tmp_path / "customers.csv"
    file.write_text(csv_text([row(1, start_date=LATER)]))

    code, out, _ = manage("backfill_customers", "--input", str(file), "--skip-existing", "--format", "json")

    remarks = json.loads(out)["settling_in"]["remarks"]
    assert (code, [(one["code"], one["examples"]) for one in remarks]) == (1, [("open_early", [E])])
    assert town.limits()[TAG] == -1


def test_a_card_is_not_warned_of_whose_subscription_has_begun_before(town: Town, tmp_path: Path) -> None:
    """The file's start is later than that of the subscription that is there, and that pays already."""
    town.add_customer(E, name="Customer 1", email=EMAIL)
    wanted = {"external_customer_id": E, "external_id": "theirs", "plan_code": "standard"}
    town.lago_call("POST", "subscriptions", {"subscription": wanted | {"subscription_at": START}})
    town.add_tag(TAG)
    given = [row(1, start_date=LATER)]
    file = tmp_path / "customers.csv"
    file.write_text(csv_text(given))

    before = warned(given)
    code, out, err = manage("backfill_customers", "--input", str(file), "--skip-existing")

    assert (OPEN_EARLY in before, code) == (False, 0), out + err
    assert [one[2:] for one in cards(town)] == [(E, True, "theirs")]
    assert town.limits()[TAG] == -1


def test_once_it_should_be_open_and_is_not_reconcile_says_so(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = run_of(imported([row(1, start_date=LATER)]))
    on_the_day = datetime.now(UTC) + timedelta(days=4)

    defaults = PlatformMappingStep.__init__.__kwdefaults__ | {"now": lambda: on_the_day}
    monkeypatch.setattr("polaris.mapping_step.PlatformMappingStep.__init__.__kwdefaults__", defaults)

    assert ("platform_mapping", "inactive") in divergences(run)

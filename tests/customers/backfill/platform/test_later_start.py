"""A customer who is billed from a later day on: blocked until then, and that is right; open from that day."""

from datetime import UTC, datetime, timedelta

import pytest

from customers.models import IdTagMapping
from polaris import PlatformMappingStep
from tests.customers.backfill.platform.there import KEY, TAG, E, card, cards, user
from tests.customers.backfill.steve.world import divergences, manage, run_of
from tests.customers.factories import imported, row, steps
from tests.rehearsal.platform.town import Town

pytestmark = pytest.mark.django_db
LATER = (datetime.now(UTC) + timedelta(days=3)).date().isoformat()
LATER_ON = timedelta(days=4).total_seconds()


def test_the_card_is_ours_at_once_and_on_the_platform_it_waits(town: Town) -> None:
    report = imported([row(1, start_date=LATER)])
    before = town.limits()[TAG]
    town.platform.sync()

    assert (report.status, IdTagMapping.objects.get().is_active) == ("succeeded", True)
    assert [one[2:] for one in cards(town)] == [(E, False, KEY)]
    assert (before, town.limits()[TAG]) == (0, 0)


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


def test_once_it_should_be_open_and_is_not_reconcile_says_so(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = run_of(imported([row(1, start_date=LATER)]))
    on_the_day = datetime.now(UTC) + timedelta(days=4)

    defaults = PlatformMappingStep.__init__.__kwdefaults__ | {"now": lambda: on_the_day}
    monkeypatch.setattr("polaris.mapping_step.PlatformMappingStep.__init__.__kwdefaults__", defaults)

    assert ("platform_mapping", "inactive") in divergences(run)

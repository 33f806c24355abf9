"""Who charges for free: the coupon in Lago and the tier on the platform come and go together."""

from typing import Any

import pytest

from tests.customers.backfill.platform.test_limited import RENAME, as_role, role
from tests.customers.backfill.platform.test_limited import altered as altered
from tests.customers.backfill.platform.there import TAG, card, user
from tests.customers.backfill.prepaid.given import coupons, with_coupon
from tests.customers.backfill.steve.world import divergences, reverted, run_of
from tests.customers.factories import actions, codes, imported, planned, row, warnings
from tests.rehearsal.platform.town import Town

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def free(town: Town) -> None:
    town.lago.put_coupons("free:100%", "half:50%", "trial:100%:3")
    town.lago.put_coupons({"code": "fleet", "percentage_rate": "100", "plan_codes": ["fleet"]})


def tiers(town: Town) -> list[tuple[str, str]]:
    return town.rows(
        "select steve_ocpp_id_tag, billing_tier from user_mappings where tag_type <> 'meta' order by 1"
    )


def test_the_platform_knows_of_each_card_that_charges_for_free(town: Town) -> None:
    report = imported([with_coupon(1), with_coupon(1, id_tag="TAG0009"), row(2)])

    assert report.status == "succeeded"
    assert tiers(town) == [(TAG, "comped"), ("TAG0002", "standard"), ("TAG0009", "comped")]
    assert divergences(run_of(report)) == []


@pytest.mark.parametrize("code", ["half", "trial", "fleet"])
def test_a_coupon_that_leaves_something_to_pay_touches_no_tier(town: Town, code: str) -> None:
    imported([with_coupon(code=code)])

    assert tiers(town) == [(TAG, "standard")]


def test_a_revert_takes_both_back(town: Town) -> None:
    report = imported([with_coupon(1), row(2)])

    assert reverted(run_of(report)).status == "reverted"

    assert (tiers(town), coupons(town.lago)) == ([], [])


def test_a_card_that_was_there_is_marked_with_a_warning_and_given_back(town: Town) -> None:
    card(town, user(town))
    dry = planned([with_coupon()], skip_existing=True)
    report = imported([with_coupon()], skip_existing=True)

    assert warnings(dry) == warnings(report) == ["platform_tier_changed"]
    assert tiers(town) == [(TAG, "comped")]
    assert divergences(run_of(report)) == []
    assert actions(planned([with_coupon()], skip_existing=True)) == ["skip"]

    reverted(run_of(report))
    assert tiers(town) == [(TAG, "standard")]


def test_a_card_that_had_the_tier_keeps_it(town: Town) -> None:
    card(town, user(town), billing_tier="comped")

    report = imported([with_coupon()], skip_existing=True)
    reverted(run_of(report))

    assert warnings(report) == []
    assert tiers(town) == [(TAG, "comped")]


def test_without_a_coupon_no_tier_is_touched(town: Town) -> None:
    card(town, user(town), billing_tier="comped", is_active=False)

    report = imported([row()], skip_existing=True)

    assert report.status == "succeeded"
    assert tiers(town) == [(TAG, "comped")]
    reverted(run_of(report))
    assert tiers(town) == [(TAG, "comped")]


def test_a_card_that_has_billed_stays_and_charges_for_free_no_more(town: Town) -> None:
    report = imported([with_coupon()])
    town.platform.sync()
    town.charged(TAG, hours_ago=1)
    town.platform.sync()

    reverted(run_of(report), discard_activity=True)

    assert tiers(town) == [(TAG, "standard")]
    assert coupons(town.lago) == []


def test_another_tier_diverges(town: Town) -> None:
    report = imported([with_coupon()])
    town.database.execute("update user_mappings set billing_tier = 'standard'")

    assert divergences(run_of(report)) == [("platform_mapping", "other_tier")]


def test_a_platform_without_tiers_will_do(town: Town, altered: Any) -> None:
    altered(
        RENAME.format("user_mappings", "billing_tier", "x"),
        RENAME.format("user_mappings", "x", "billing_tier"),
    )

    report = imported([with_coupon()])

    assert (report.status, coupons(town.lago)) == ("succeeded", [("C-1", "free")])
    assert divergences(run_of(report)) == []
    assert reverted(run_of(report)).status == "reverted"


def test_a_role_that_may_not_mark_cards_is_told_before(town: Town, settings: Any) -> None:
    address = settings.POLARIS_DATABASE_URL
    for name in role(town):
        settings.POLARIS_DATABASE_URL = as_role(address, name)
        assert codes(planned([with_coupon()])) == []

        town.database.execute(f"revoke update (billing_tier) on user_mappings from {name}".encode())

        assert codes(planned([with_coupon()])) == ["platform_tier_forbidden"]
        assert imported([with_coupon(2, "half")]).status == "succeeded"


def test_the_role_suffices_from_import_to_revert(town: Town, settings: Any) -> None:
    card(town, user(town))
    address = settings.POLARIS_DATABASE_URL
    for name in role(town):
        settings.POLARIS_DATABASE_URL = as_role(address, name)
        report = imported([with_coupon(1), with_coupon(2)], skip_existing=True)

        assert report.status == "succeeded"
        assert tiers(town) == [(TAG, "comped"), ("TAG0002", "comped")]
        assert reverted(run_of(report)).status == "reverted"
        assert tiers(town) == [(TAG, "standard")]

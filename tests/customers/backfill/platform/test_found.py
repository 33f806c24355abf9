"""Who and what is on the platform already: what the plan says of it, and that the run does just that."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from customers.models import BackfillStep
from tests.customers.backfill.notations import WRITTEN, file_of_cards, likenesses
from tests.customers.backfill.platform.there import (
    EMAIL,
    KEY,
    TAG,
    E,
    card,
    cards,
    platform,
    problems,
    user,
    users,
)
from tests.customers.backfill.steve.world import divergences, reverted, run_of
from tests.customers.factories import actions, imported, planned, row, rows, steps, told, warnings
from tests.rehearsal.platform.rows import add_mapping, insert
from tests.rehearsal.platform.town import Town

pytestmark = pytest.mark.django_db
Prepare = Callable[[Town], Any]
CAPITALS = "Customer1@Example.COM"
ANOTHER = "C-9"


def _card_of_another(town: Town, **values: Any) -> int:
    another = user(town, ANOTHER, "another@example.com")
    return card(town, another, **{"lago_customer_external_id": ANOTHER, **values})


def _telephone(town: Town) -> None:
    one = user(town)
    device = insert(town.database, "devices", owner_user_id=one)
    card(town, one, device_id=device)


def _twins(town: Town) -> None:
    one = user(town)
    card(town, one)
    card(town, one, 900, steve_ocpp_id_tag=TAG.lower())


def _number_of_another(town: Town) -> None:
    """SteVe was set up anew and counts from 1: the number belongs to somebody's old card."""
    _card_of_another(town, pk=town.add_tag(TAG), steve_ocpp_id_tag="OLD")


def _another_user_for_the_same_customer(town: Town) -> None:
    card(town, user(town, ANOTHER, "another@example.com"))


# --- What is refused, with --skip-existing too -------------------------------------------------------

REFUSED: dict[str, tuple[Prepare, str]] = {
    "the customer with another address": (
        lambda town: user(town, email="other@example.com"),
        "platform_user_conflict",
    ),
    "the customer without an address": (lambda town: user(town, email=None), "platform_user_conflict"),
    "the customer is staff": (lambda town: user(town, role="admin"), "email_belongs_to_staff"),
    "the address is of staff": (lambda town: user(town, None, role="admin"), "email_belongs_to_staff"),
    "the address in capitals is of staff": (
        lambda town: user(town, None, CAPITALS, role="admin"),
        "email_belongs_to_staff",
    ),
    "the address is another customer's": (lambda town: user(town, ANOTHER), "platform_user_conflict"),
    "the address in capitals is another customer's": (
        lambda town: user(town, ANOTHER, CAPITALS),
        "platform_user_conflict",
    ),
    "the card is another customer's": (_card_of_another, "platform_mapping_conflict"),
    "the card in other capitals is another customer's": (
        lambda town: _card_of_another(town, steve_ocpp_id_tag=TAG.lower()),
        "platform_mapping_conflict",
    ),
    "the card is another customer's and inactive": (
        lambda town: _card_of_another(town, is_active=False),
        "platform_mapping_conflict",
    ),
    "the card was another customer's, whose user is gone": (
        lambda town: card(town, None, lago_customer_external_id=ANOTHER, is_active=False),
        "platform_mapping_conflict",
    ),
    "the card is of another user": (_another_user_for_the_same_customer, "platform_mapping_conflict"),
    "the number is another customer's": (_number_of_another, "platform_mapping_conflict"),
    "the card is a parent": (
        lambda town: card(town, user(town), tag_type="meta"),
        "platform_mapping_conflict",
    ),
    "the card is a telephone": (_telephone, "platform_mapping_conflict"),
    "the card is there twice": (_twins, "platform_mapping_conflict"),
    "the card bills to another subscription": (
        lambda town: card(town, user(town), lago_subscription_external_id="theirs"),
        "platform_mapping_conflict",
    ),
}


@pytest.mark.parametrize(("prepare", "code"), REFUSED.values(), ids=REFUSED)
def test_who_is_there_is_never_moved_and_never_merged(town: Town, prepare: Prepare, code: str) -> None:
    prepare(town)
    before = platform(town), town.limits()

    dry = [planned(rows(1)), planned(rows(1), skip_existing=True)]
    run = [imported(rows(1)), imported(rows(1), skip_existing=True)]

    assert [code in problems(report) for report in (*dry, *run)] == [True] * 4
    assert problems(dry[1]) == [code]
    assert [actions(report) for report in (*dry, *run)] == [["fail"]] * 4
    assert [report.run for report in run] == [None, None]
    assert (platform(town), town.limits()) == before


@pytest.mark.parametrize("prepare", [one for one, _ in REFUSED.values()], ids=REFUSED)
def test_no_address_and_no_id_tag_is_told_whole(town: Town, prepare: Prepare) -> None:
    prepare(town)

    said = str(told(planned(rows(1)))[2]["problems"])

    assert (EMAIL in said, "another@example.com" in said, TAG in said) == (False, False, False)


# --- What is adopted with --skip-existing, and refused without ---------------------------------------

MEANT = {"create": "created", "adopt": "adopted"}
WHOLE = (E, True, KEY)
ADOPTED: dict[str, tuple[Prepare, list[str], dict[str, str]]] = {
    "the customer": (
        user,
        ["platform_user_exists"],
        {"platform_user": "adopted", "platform_mapping": "created"},
    ),
    "the customer in capitals": (
        lambda town: user(town, email=CAPITALS),
        ["platform_user_exists"],
        {"platform_user": "adopted", "platform_mapping": "created"},
    ),
    "customer and card": (
        lambda town: card(town, user(town)),
        ["platform_user_exists", "platform_mapping_exists"],
        {"platform_user": "adopted", "platform_mapping": "adopted"},
    ),
    "the card, inactive": (
        lambda town: card(town, user(town), is_active=False),
        ["platform_user_exists", "platform_mapping_exists"],
        {"platform_user": "adopted", "platform_mapping": "adopted"},
    ),
    "the card, which nobody said to be active": (
        lambda town: card(town, user(town), is_active=None),
        ["platform_user_exists", "platform_mapping_exists"],
        {"platform_user": "adopted", "platform_mapping": "adopted"},
    ),
    "the card, active and without a subscription": (
        lambda town: card(town, user(town), lago_subscription_external_id=None),
        ["platform_user_exists", "platform_mapping_exists"],
        {"platform_user": "adopted", "platform_mapping": "adopted"},
    ),
    "the card, inactive and of an old subscription": (
        lambda town: card(town, user(town), is_active=False, lago_subscription_external_id="old"),
        ["platform_user_exists", "platform_mapping_exists"],
        {"platform_user": "adopted", "platform_mapping": "adopted"},
    ),
    "the card, which an earlier revert left without its user": (
        lambda town: card(town, None, is_active=False),
        ["platform_mapping_exists"],
        {"platform_user": "created", "platform_mapping": "adopted"},
    ),
    "the card under a number that SteVe no longer has": (
        lambda town: card(town, user(town), 900, is_active=False),
        ["platform_user_exists", "platform_mapping_exists"],
        {"platform_user": "adopted", "platform_mapping": "adopted"},
    ),
}


@pytest.mark.parametrize(("prepare", "exists", "becomes"), ADOPTED.values(), ids=ADOPTED)
def test_the_customers_own_is_adopted_and_completed(
    town: Town, prepare: Prepare, exists: list[str], becomes: dict[str, str]
) -> None:
    prepare(town)
    before = platform(town)

    refused, unwanted = planned(rows(1)), imported(rows(1))
    untouched = platform(town)
    plan, report = planned(rows(1), skip_existing=True), imported(rows(1), skip_existing=True)

    assert (problems(refused), problems(unwanted), untouched) == (exists, exists, before)
    assert (problems(plan), report.status) == ([], "succeeded")
    assert {name: steps(report)[name] for name in becomes} == becomes
    assert {name: MEANT[steps(plan)[name]] for name in becomes} == becomes
    assert users(town) == [(E, EMAIL, "customer")]
    assert cards(town) == [(TAG, town.tag(TAG)["ocppTagPk"], *WHOLE)]
    assert divergences(run_of(report)) == []
    town.platform.sync()
    assert town.limits()[TAG] == -1


@pytest.mark.parametrize("prepare", [one for one, *_ in ADOPTED.values()], ids=ADOPTED)
def test_a_second_dry_run_finds_nothing_more_to_do(town: Town, prepare: Prepare) -> None:
    prepare(town)
    imported(rows(1), skip_existing=True)

    assert actions(planned(rows(1), skip_existing=True)) == ["skip"]


def test_capitals_that_were_put_right_are_remembered_and_given_back(town: Town) -> None:
    key = user(town, email=CAPITALS)

    run = run_of(imported(rows(1), skip_existing=True))
    undo = BackfillStep.objects.get(row__run=run, name="platform_user").undo
    reverted(run)

    assert undo == {"email": CAPITALS}
    assert town.rows("select id, email from users") == [(key, CAPITALS)]


def test_capitals_that_somebody_gave_a_user_of_ours_are_put_right_and_he_stays_ours(town: Town) -> None:
    run = run_of(imported(rows(1)))
    run.rows.update(outcome="", settled_at=None)
    run.status = "interrupted"
    run.save(update_fields=["status"])
    town.database.execute("update users set email = %s", [CAPITALS])
    town.database.execute("update user_mappings set is_active = false")

    again = run_of(imported(rows(1)))

    assert again == run
    assert users(town) == [(E, EMAIL, "customer")]
    steps_of = BackfillStep.objects.filter(row__run=run, name__startswith="platform_")
    assert set(steps_of.values_list("state", flat=True)) == {"created"}
    assert not any(steps_of.values_list("undo", flat=True))
    reverted(run)
    assert (users(town), cards(town)) == ([], [])


def test_a_card_that_was_completed_is_remembered_as_it_was(town: Town) -> None:
    one = user(town)
    card(town, one, 900, is_active=False, lago_subscription_external_id="old")

    run = run_of(imported(rows(1), skip_existing=True))

    assert BackfillStep.objects.get(row__run=run, name="platform_mapping").undo == {
        "ocpp_tag_pk": 900,
        "id_tag": TAG,
        "user_id": one,
        "is_active": False,
        "subscription_key": "old",
        "billed_to": KEY,
    }


def test_who_signed_up_directly_is_a_problem_and_left_out_where_that_is_allowed(town: Town) -> None:
    user(town, None)
    before = platform(town)

    refused, plan = planned(rows(1)), planned(rows(1), skip_existing=True)
    report = imported(rows(1), skip_existing=True)

    assert problems(refused) == ["platform_user_exists"]
    assert (actions(plan), warnings(plan)) == (["skip"], ["email_signed_up_directly"])
    assert (report.status, actions(report), platform(town)) == ("succeeded", ["skipped"], before)
    assert TAG not in town.limits()


def test_all_cards_of_a_customer_who_is_there_are_adopted_with_him(town: Town) -> None:
    card(town, user(town, email=CAPITALS))
    given = [row(1), row(1, id_tag="SECOND")]

    plan, report = planned(given, skip_existing=True), imported(given, skip_existing=True)

    assert (plan.plan.fails, report.status) == (False, "succeeded")
    assert [one[2:] for one in cards(town)] == [WHOLE, WHOLE]
    assert users(town) == [(E, EMAIL, "customer")]


def test_a_row_whose_own_address_is_wrong_hears_nothing_of_the_platform(town: Town) -> None:
    user(town)

    report = planned([row(1, email="")], skip_existing=True)

    assert [one["code"] for one in told(report)[2]["problems"]] == ["email_blank"]


# --- An idTag that SteVe had ---------------------------------------------------------------------------


def mirror(town: Town) -> list[tuple[Any, ...]]:
    return town.rows(
        "select steve_parent_id_tag, steve_expiry_date from user_mappings where tag_type <> 'meta'"
    )


@pytest.mark.parametrize("webhooks", [False, True], ids=["quiet", "with webhooks"])
def test_parent_and_expiry_of_an_adopted_id_tag_stay_through_webhook_and_sync(
    town: Town, webhooks: bool
) -> None:
    if webhooks:
        town.send_webhooks()
    town.add_tag("FLEET")
    town.add_tag(TAG, parentIdTag="FLEET", expiryDate="2037-01-01T00:00:00")

    report = imported(rows(1), skip_existing=True)
    town.platform.sync()

    tag = town.tag(TAG)
    assert (report.status, mirror(town)) == ("succeeded", [("FLEET", datetime(2037, 1, 1, tzinfo=UTC))])
    assert (tag["parentIdTag"], tag["expiryDate"][:10]) == ("FLEET", "2037-01-01")
    assert tag["maxActiveTransactionCount"] == -1


def test_parent_and_expiry_are_copied_into_a_card_that_is_completed_too(town: Town) -> None:
    town.add_tag("FLEET")
    pk = town.add_tag(TAG, parentIdTag="FLEET", expiryDate="2037-01-01T00:00:00")
    card(town, None, pk, is_active=False)

    imported(rows(1), skip_existing=True)

    assert mirror(town) == [("FLEET", datetime(2037, 1, 1, tzinfo=UTC))]


def test_a_card_has_the_spelling_of_steve_and_that_is_no_divergence(town: Town) -> None:
    town.add_tag("tag0001")

    report = imported(rows(1), skip_existing=True)

    assert [one[0] for one in cards(town)] == ["tag0001"]
    assert [one for one in divergences(run_of(report)) if one[0] == "platform_mapping"] == []


def test_what_the_platform_marked_as_deleted_is_cleared_from_its_caches(town: Town) -> None:
    run = run_of(imported(rows(1)))
    town.platform.sync()
    reverted(run)
    town.platform.sync()
    hidden = town.rows("select external_id from lago_customers where deleted_at is not null")

    imported(rows(1))
    town.platform.sync()

    assert hidden == [(E,)]
    assert town.rows("select external_id, deleted_at from lago_customers") == [(E, None)]
    assert town.rows("select external_id, deleted_at from lago_subscriptions") == [(KEY, None)]


def test_further_cards_and_parents_of_the_customer_are_not_counted(town: Town) -> None:
    one = user(town)
    add_mapping(
        town.database, one, 901, steve_ocpp_id_tag="META-X", tag_type="meta", lago_customer_external_id=E
    )

    report = imported(rows(1), skip_existing=True)

    assert steps(report)["platform_mapping"] == "created"


# --- The same card in another notation ---------------------------------------------------------------


def test_a_card_that_the_platform_writes_otherwise_is_named_and_not_taken_for_it(town: Town) -> None:
    another = user(town, "C-99", "another@example.com")
    for number, written in enumerate(WRITTEN.values(), start=900):
        card(town, another, number, steve_ocpp_id_tag=written, lago_customer_external_id="C-99")

    plan = planned(file_of_cards())

    found = likenesses(plan)
    assert sorted(found) == list(range(2, 2 + len(WRITTEN)))
    assert all("at the platform (mapping " in message for message in found.values())
    assert {of_row["steps"]["platform_mapping"] for of_row in told(plan).values()} == {"create"}

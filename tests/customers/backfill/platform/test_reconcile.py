"""Somebody changes one thing on the platform after a run: reconcile names it, and nothing else there."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.customers.backfill.platform.there import TAG, user
from tests.customers.backfill.steve.world import divergences, manage, run_of
from tests.customers.factories import imported, rows
from tests.rehearsal.platform.rows import insert
from tests.rehearsal.platform.town import Town

pytestmark = pytest.mark.django_db
Tamper = Callable[[Town], Any]


def _sql(*statements: str) -> Tamper:
    def tamper(town: Town) -> None:
        for statement in statements:
            town.database.execute(statement.encode())

    return tamper


def _another_id(town: Town) -> None:
    town.database.execute("delete from users where lago_customer_external_id = 'C-1'")
    again = user(town)
    town.database.execute(
        "update user_mappings set user_id = %s where lago_customer_external_id = 'C-1'", [again]
    )


def _given_away(town: Town) -> None:
    another = user(town, "C-9", "another@example.com")
    town.database.execute(
        "update user_mappings set user_id = %s, lago_customer_external_id = 'C-9'"
        " where lago_customer_external_id = 'C-1'",
        [another],
    )


def _to_another_user(town: Town) -> None:
    another = user(town, "C-9", "another@example.com")
    town.database.execute(
        "update user_mappings set user_id = %s where lago_customer_external_id = 'C-1'", [another]
    )


def _telephone(town: Town) -> None:
    ((one,),) = town.rows("select id from users where lago_customer_external_id = 'C-1'")
    device = insert(town.database, "devices", owner_user_id=one)
    town.database.execute(
        "update user_mappings set device_id = %s where lago_customer_external_id = 'C-1'", [device]
    )


OF_C1 = "where lago_customer_external_id = 'C-1'"
SEEN: dict[str, tuple[Tamper, set[tuple[str, str]]]] = {
    "the user is gone": (
        _sql(f"delete from users {OF_C1}"),
        {("platform_user", "missing")},
    ),
    "the user was made anew": (_another_id, {("platform_user", "other_object")}),
    "the user is staff": (
        _sql(f"update users set role = 'admin' {OF_C1}"),
        {("platform_user", "other_role")},
    ),
    "the address differs": (
        _sql(f"update users set email = 'other@example.com' {OF_C1}"),
        {("platform_user", "email_drifted")},
    ),
    "the address is gone": (
        _sql(f"update users set email = null {OF_C1}"),
        {("platform_user", "email_drifted")},
    ),
    "the address has capitals": (
        _sql(f"update users set email = 'Customer1@example.com' {OF_C1}"),
        {("platform_user", "capitals")},
    ),
    "the mapping is gone": (
        _sql(f"delete from user_mappings {OF_C1}"),
        {("platform_mapping", "missing")},
    ),
    "the card is another customer's": (_given_away, {("platform_mapping", "other_owner")}),
    "the card is another user's": (_to_another_user, {("platform_mapping", "other_owner")}),
    "the card has no user": (
        _sql(f"update user_mappings set user_id = null {OF_C1}"),
        {("platform_mapping", "other_owner")},
    ),
    "it bills elsewhere": (
        _sql(f"update user_mappings set lago_subscription_external_id = 'theirs' {OF_C1}"),
        {("platform_mapping", "other_subscription")},
    ),
    "it bills nowhere": (
        _sql(f"update user_mappings set lago_subscription_external_id = null {OF_C1}"),
        {("platform_mapping", "other_subscription")},
    ),
    "it is inactive": (
        _sql(f"update user_mappings set is_active = false {OF_C1}"),
        {("platform_mapping", "inactive")},
    ),
    "nobody says whether it is active": (
        _sql(f"update user_mappings set is_active = null {OF_C1}"),
        {("platform_mapping", "inactive")},
    ),
    "it has another number": (
        _sql(f"update user_mappings set steve_ocpp_tag_pk = 950 {OF_C1}"),
        {("platform_mapping", "other_number")},
    ),
    "it is spelt otherwise": (
        _sql(f"update user_mappings set steve_ocpp_id_tag = 'tag0001' {OF_C1}"),
        {("platform_mapping", "other_spelling")},
    ),
    "it is a parent": (
        _sql(f"update user_mappings set tag_type = 'meta' {OF_C1}"),
        {("platform_mapping", "other_object")},
    ),
    "it is a telephone": (_telephone, {("platform_mapping", "other_object")}),
}


@pytest.mark.parametrize(("tamper", "seen"), SEEN.values(), ids=SEEN)
def test_it_is_named_and_nothing_else(town: Town, tamper: Tamper, seen: set[tuple[str, str]]) -> None:
    run = run_of(imported(rows(2)))
    before = divergences(run)

    tamper(town)

    found = divergences(run)
    assert before == []
    assert sorted(found) == sorted(seen)


@pytest.mark.parametrize(("tamper", "seen"), SEEN.values(), ids=SEEN)
def test_the_command_ends_with_1_and_shows_no_card_whole(
    town: Town, tamper: Tamper, seen: set[tuple[str, str]]
) -> None:
    run = run_of(imported(rows(2)))
    tamper(town)

    code, out, _ = manage("backfill_reconcile", "--run-id", run.run_id)

    assert (code, TAG in out, "customer1@example.com" in out) == (1, False, False)
    assert all(kind in out for _, kind in seen)


def test_a_further_card_without_its_user_is_named_too(town: Town) -> None:
    run = run_of(imported([*rows(1), {**rows(1)[0], "id_tag": "SECOND"}]))

    town.database.execute("update user_mappings set user_id = null where steve_ocpp_id_tag = 'SECOND'")

    assert divergences(run) == [("platform_mapping", "other_owner")]


def test_what_staff_may_edit_and_what_the_sync_writes_is_none(town: Town) -> None:
    town.send_webhooks()
    run = run_of(imported(rows(2)))
    town.platform.make_metas()
    town.platform.sync()
    _sql(
        "update user_mappings set tag_type = 'keytag' where tag_type <> 'meta'", "update users set name = 'X'"
    )(town)
    parents = town.metas()

    assert len(parents) == 2
    assert divergences(run) == []


def test_the_counts_are_of_the_runs_own_users_and_cards(town: Town) -> None:
    town.send_webhooks()
    run = run_of(imported([*rows(2), {**rows(1)[0], "id_tag": "SECOND"}]))
    town.platform.make_metas()

    _, out, _ = manage("backfill_reconcile", "--run-id", run.run_id, "--format", "json")

    assert ('"platform_user"' in out, '"platform_mapping"' in out) == (True, True)
    counted = _counts(out)
    assert counted == {"platform_user": (2, 2, 0), "platform_mapping": (3, 3, 0)}


def _counts(out: str) -> dict[str, tuple[int, int, int]]:
    steps = json.loads(out)["steps"]
    named = {one["step"]: one for one in steps} if isinstance(steps, list) else steps
    return {
        name: (one["expected"], one["created"], one["diverging"])
        for name, one in named.items()
        if name.startswith("platform_")
    }

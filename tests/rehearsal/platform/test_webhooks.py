"""Lago's webhooks: who may send them, and what the platform does at once."""

import json
from collections.abc import Iterator

import pytest
import requests

from rehearsal.lago.webhooks import signature
from tests.rehearsal.platform.rows import add_mapping
from tests.rehearsal.platform.town import Town, wait_until

E, S = "LEGACY-001", "backfill-LEGACY-001"


@pytest.fixture
def told(here: Town) -> Iterator[Town]:
    """The three, with Lago's webhooks going to the platform."""
    here.send_webhooks()
    yield here
    here.platform.go_on()


def _settled(here: Town) -> list[tuple[str, str | None]]:
    """Wait until all webhooks were handled, and return each with what went wrong so that it was noted."""
    here.lago.wait_webhooks()
    handled = here.platform.state()["webhooks"]
    assert all(one["is_processed"] for one in handled)
    return [(one["webhook_type"], one["processing_error"]) for one in handled]


def _refusals(here: Town) -> list[int]:
    """Return how SteVe refused to make idTags."""
    made = [one for one in here.steve.requests()["requests"] if one["method"] == "POST"]
    return [one["status"] for one in made if one["status"] >= 400]


def _meta_tag(here: Town) -> str:
    ((public_id,),) = here.rows("select public_id from users where lago_customer_external_id = %s", E)
    return f"META-{public_id}"


# --- Who may send them --------------------------------------------------------------------------------


def test_a_webhook_with_a_token_is_taken(told: Town) -> None:
    told.add_customer()

    assert [one["status"] for one in told.lago.wait_webhooks()] == [200]


def test_a_webhook_with_a_shared_secret_is_refused(here: Town) -> None:
    here.send_webhooks("hmac")

    here.add_customer()

    assert [(one["status"], one["attempts"]) for one in here.lago.wait_webhooks()] == [(401, 3)]
    assert here.platform.state()["webhooks"] == []


@pytest.mark.parametrize("token", ["", "a.b.c", None])
def test_a_webhook_of_somebody_else_is_refused(told: Town, token: str | None) -> None:
    headers = {"X-Lago-Signature-Algorithm": "jwt"}
    if token is not None:
        headers["X-Lago-Signature"] = token

    answer = requests.post(told.platform.webhook_url, json={}, headers=headers, timeout=60)

    assert answer.status_code == 401


def test_a_token_is_no_good_for_another_body(told: Town) -> None:
    payload = {"webhook_type": "invoice.created", "object_type": "invoice", "invoice": {}}
    token = signature.signed("jwt", json.dumps(payload), issuer="i", hmac_key="")
    headers = {"X-Lago-Signature-Algorithm": "jwt", "X-Lago-Signature": token}

    answers = [
        requests.post(told.platform.webhook_url, json=body, headers=headers, timeout=60).status_code
        for body in (payload, {**payload, "webhook_type": "customer.created"})
    ]

    assert answers == [200, 401]


def test_a_token_that_is_not_called_one_is_refused(told: Town) -> None:
    payload = {"webhook_type": "invoice.created", "object_type": "invoice", "invoice": {}}
    token = signature.signed("jwt", json.dumps(payload), issuer="i", hmac_key="")
    headers = {"X-Lago-Signature-Algorithm": "hmac", "X-Lago-Signature": token}

    answer = requests.post(told.platform.webhook_url, json=payload, headers=headers, timeout=60)

    assert answer.status_code == 401


def test_without_lagos_key_nothing_can_be_checked(told: Town) -> None:
    told.lago.fault("500,path=/webhooks/public_key,times=forever")

    told.add_customer()

    assert [one["status"] for one in told.lago.wait_webhooks()] == [503]


# --- METAs --------------------------------------------------------------------------------------------


def test_a_customer_gets_a_meta_named_after_its_user(told: Town) -> None:
    told.import_rows()

    told.add_customer()
    _settled(told)

    meta = _meta_tag(told)
    assert told.metas() == [(meta, False)]
    assert told.limits()[meta] == 0
    assert told.rows(
        "select user_id is not null, lago_customer_external_id, lago_subscription_external_id"
        " from user_mappings where tag_type = 'meta'"
    ) == [(True, E, None)]


def test_without_a_user_the_meta_is_named_after_the_customer_and_belongs_to_nobody(told: Town) -> None:
    told.add_customer()
    told.lago.wait_webhooks()
    told.subscribe()
    _settled(told)

    assert told.metas() == [(f"OCPP-{E}", False)]
    assert told.rows("select user_id from user_mappings") == [(None,)]


def test_a_customer_who_has_a_subscription_already_gets_an_active_meta(told: Town) -> None:
    told.lago.hold_webhooks()
    told.import_rows()
    told.add_customer()
    told.subscribe()

    told.lago.release_webhooks()
    _settled(told)

    assert [is_active for _, is_active in told.metas()] == [True]


def test_a_meta_whose_name_is_too_long_is_refused_by_steve(told: Town) -> None:
    told.add_customer("L" * 16)

    assert _settled(told) == [("customer.created", None)]
    assert told.metas() == []
    assert _refusals(told) == [400]


def test_a_later_change_of_the_customer_makes_no_second_meta(told: Town) -> None:
    told.import_rows()
    told.add_customer()
    told.lago.wait_webhooks()

    told.add_customer(name="Other")
    _settled(told)

    assert len(told.metas()) == 1


def test_a_later_change_of_the_customer_narrows_an_open_meta_until_the_next_sync(told: Town) -> None:
    told.imported()
    _settled(told)
    told.platform.sync()
    meta = _meta_tag(told)
    before = told.limits()[meta]

    told.add_customer(name="Other")
    _settled(told)
    narrowed = told.limits()[meta]
    told.platform.sync()

    assert (before, narrowed, told.limits()[meta]) == (-1, 1, -1)


def test_a_meta_from_before_there_was_a_user_gives_way_to_one_that_is_named_after_it(told: Town) -> None:
    told.add_customer()
    told.lago.wait_webhooks()
    told.add_tag("CARD", parentIdTag=f"OCPP-{E}")
    told.import_rows()

    told.add_customer()
    _settled(told)

    assert told.tag("CARD")["parentIdTag"] == _meta_tag(told)
    assert set(told.limits()) == {"CARD", f"{E}-1", _meta_tag(told)}
    assert [id_tag for id_tag, _ in told.metas()] == [f"OCPP-{E}", _meta_tag(told)]


def test_a_meta_that_is_in_steve_already_is_taken(told: Town) -> None:
    told.import_rows()
    meta = _meta_tag(told)
    pk = told.add_tag(meta, 0)

    told.add_customer()
    _settled(told)

    assert told.rows("select steve_ocpp_tag_pk from user_mappings where tag_type = 'meta'") == [(pk,)]


def test_a_handler_that_fails_is_noted_and_answers_all_the_same(told: Town) -> None:
    told.lago.fault("500,method=GET,path=/subscriptions,times=forever")

    told.add_customer()

    assert [one["status"] for one in told.lago.wait_webhooks()] == [200]
    assert _settled(told) == [("customer.created", "Lago answered 500")]


# --- The race -----------------------------------------------------------------------------------------


def _race(here: Town) -> list[tuple[str, str | None]]:
    """Let the start of a subscription look for the META while the customer's creation makes it."""
    here.import_rows(cards=2)
    here.platform.hold("meta")
    here.add_customer()
    here.platform.wait_at("meta")
    here.subscribe()
    here.platform.wait_at("meta", 2)
    here.platform.let_one("meta")
    wait_until(lambda: here.metas() != [])
    here.platform.go_on()
    return _settled(here)


def test_a_start_that_comes_while_the_meta_is_made_is_refused_and_leaves_it_off(told: Town) -> None:
    handled = _race(told)

    assert handled == [("customer.created", None), ("subscription.started", None)]
    assert _refusals(told) == [422]
    assert told.metas() == [(_meta_tag(told), False)]
    assert told.rows("select is_active from user_mappings where tag_type <> 'meta'") == [(True,)] * 2


def test_a_lost_race_is_healed_by_a_change_of_the_customer_and_by_no_sync(told: Town) -> None:
    _race(told)
    meta = _meta_tag(told)
    told.platform.sync()
    before = (told.metas(), told.limits()[meta])

    told.add_customer(name="Alice B. Example")
    _settled(told)

    healed = (told.metas(), told.limits()[meta])
    told.platform.sync()

    assert before == ([(meta, False)], 0)
    assert healed == ([(meta, True)], 1)
    assert told.limits()[meta] == -1


def test_a_meta_stays_off_if_no_card_named_the_subscription_when_it_started(told: Town) -> None:
    told.import_rows(lago_subscription_external_id=None)
    told.add_customer()
    told.lago.wait_webhooks()
    told.subscribe()
    _settled(told)

    told.database.execute(
        "update user_mappings set lago_subscription_external_id = %s, is_active = true"
        " where tag_type <> 'meta'",
        [S],
    )
    told.platform.sync()

    assert told.metas() == [(_meta_tag(told), False)]
    assert told.limits() == {f"{E}-1": -1, _meta_tag(told): 0}


def test_a_meta_follows_although_the_cards_were_opened_before_the_webhook_came(told: Town) -> None:
    told.import_rows()
    told.add_customer()
    told.lago.wait_webhooks()
    told.database.execute("update user_mappings set is_active = true where tag_type <> 'meta'")

    told.subscribe()
    _settled(told)

    assert told.metas() == [(_meta_tag(told), True)]


def test_a_gap_between_customer_and_subscription_avoids_the_race(told: Town) -> None:
    told.import_rows(cards=2)

    told.add_customer()
    told.lago.wait_webhooks()
    told.subscribe()

    assert _settled(told) == [("customer.created", None), ("subscription.started", None)]
    assert told.metas() == [(_meta_tag(told), True)]
    assert told.limits() == {f"{E}-1": -1, f"{E}-2": -1, _meta_tag(told): 1}


# --- Subscriptions ------------------------------------------------------------------------------------


def test_a_start_opens_the_cards_that_wait_for_it(told: Town) -> None:
    told.import_rows(cards=2)
    told.platform.sync()
    blocked = told.limits()

    told.add_customer()
    told.lago.wait_webhooks()
    told.subscribe()
    _settled(told)

    assert blocked == {f"{E}-1": 0, f"{E}-2": 0}
    assert told.limits() == {f"{E}-1": -1, f"{E}-2": -1, _meta_tag(told): 1}
    assert told.rows("select kind, source_id from notifications") == [("subscription_started", S)]


def test_a_card_that_carries_no_subscription_stays_as_it_is(told: Town) -> None:
    told.import_rows(lago_subscription_external_id=None)
    told.add_customer()
    told.lago.wait_webhooks()

    told.subscribe()
    _settled(told)

    assert told.rows("select is_active from user_mappings where tag_type <> 'meta'") == [(False,)]


def test_a_start_opens_rows_without_a_user_too(told: Town) -> None:
    id_tag = "CARD"
    add_mapping(told.database, None, told.add_tag(id_tag, 0), steve_ocpp_id_tag=id_tag)

    told.add_customer()
    told.lago.wait_webhooks()
    told.subscribe()
    _settled(told)

    assert told.limits()[id_tag] == -1
    assert told.rows("select user_id, is_active from user_mappings where tag_type <> 'meta'") == [
        (None, True)
    ]


def test_a_start_clears_parent_and_expiry_that_the_mirror_does_not_hold(told: Town) -> None:
    told.add_tag("FLEET")
    form = {"parentIdTag": "FLEET", "expiryDate": "2037-01-01T00:00:00"}
    kept = {"steve_parent_id_tag": "FLEET", "steve_expiry_date": "2037-01-01T00:00:00Z"}
    add_mapping(told.database, None, told.add_tag("PLAIN", 0, **form), steve_ocpp_id_tag="PLAIN")
    add_mapping(told.database, None, told.add_tag("KEPT", 0, **form), steve_ocpp_id_tag="KEPT", **kept)

    told.subscribe()
    _settled(told)

    plain, kept_one = told.tag("PLAIN"), told.tag("KEPT")
    assert (plain["parentIdTag"], plain["expiryDate"]) == (None, None)
    assert (kept_one["parentIdTag"], kept_one["expiryDate"]) == ("FLEET", "2037-01-01T00:00:00.000Z")


def test_a_pending_subscription_opens_card_and_meta_on_its_day(told: Town) -> None:
    told.import_rows()
    told.add_customer()
    told.lago.wait_webhooks()
    told.subscribe(subscription_at="2999-01-01T00:00:00Z")
    told.platform.sync()
    before = set(told.limits().values())

    told.lago.set_clock("2999-01-01T00:05:00Z")
    _settled(told)

    assert before == {0}
    assert told.limits() == {f"{E}-1": -1, _meta_tag(told): 1}


def test_an_end_blocks_cards_and_meta(told: Town) -> None:
    told.imported()
    told.lago.wait_webhooks()

    told.lago_call("DELETE", f"subscriptions/{S}?on_termination_invoice=skip")
    _settled(told)

    assert set(told.limits().values()) == {0}
    assert told.rows("select distinct is_active from user_mappings") == [(False,)]


def test_an_end_after_the_stop_changes_nothing(told: Town) -> None:
    told.imported()
    _settled(told)
    told.database.execute("update user_mappings set is_active = false")
    told.steve.reset_requests()

    told.lago_call("DELETE", f"subscriptions/{S}?on_termination_invoice=skip")
    _settled(told)

    assert [one for one in told.steve.counts() if one.startswith("PUT")] == []


def test_a_number_that_steve_no_longer_has_is_notified(told: Town) -> None:
    (id_tag,) = told.import_rows()
    told.steve_call("DELETE", f"ocppTags/{told.tag(id_tag)['ocppTagPk']}")
    told.add_tag(id_tag, 0)

    told.add_customer()
    told.lago.wait_webhooks()
    told.subscribe()
    _settled(told)

    assert told.rows("select kind, context from notifications where kind = 'steve_sync_failed'") == [
        ("steve_sync_failed", {"reason": "SteVe answered 404"})
    ]
    assert told.limits()[id_tag] == 0


def test_the_script_passes_over_a_meta_that_cannot_be_made(here: Town) -> None:
    here.add_customer("L" * 16)

    assert here.platform.make_metas() == 1
    assert here.metas() == []


def test_a_slow_platform_takes_its_time_and_loses_nothing(told: Town) -> None:
    told.platform.slow("meta", 0.01)
    told.import_rows()

    told.add_customer()
    _settled(told)

    assert told.metas() == [(_meta_tag(told), False)]


def test_the_script_makes_metas_and_puts_cards_under_them(here: Town) -> None:
    here.imported(cards=2)

    here.platform.make_metas()

    meta = _meta_tag(here)
    assert here.metas() == [(meta, True)]
    assert [here.tag(f"{E}-{number}")["parentIdTag"] for number in (1, 2)] == [meta, meta]
    assert here.rows("select distinct steve_parent_id_tag from user_mappings where tag_type <> 'meta'") == [
        (meta,)
    ]

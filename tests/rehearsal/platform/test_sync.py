"""The sync: whom it bills, what it opens and blocks, and what it goes by."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.rehearsal.platform.rows import add_mapping, add_user
from tests.rehearsal.platform.town import Town

# --- Which sessions are billed ------------------------------------------------------------------------


def test_a_session_on_an_inactive_mapping_is_billed_once_it_is_active(here: Town) -> None:
    (id_tag,) = here.imported()
    here.database.execute("update user_mappings set is_active = false")
    session = here.charge(id_tag)
    here.platform.sync()
    before = (here.events(), here.rows("select * from transaction_sync_state"))

    here.activate()
    here.platform.sync()

    assert before == ([], [])
    assert here.events() == [(f"steve_tx_{session}_final", "backfill-LEGACY-001", "7.400")]


def test_a_session_on_an_active_mapping_without_a_subscription_is_never_billed(here: Town) -> None:
    (id_tag,) = here.import_rows(is_active=True, lago_subscription_external_id=None)
    here.charge(id_tag)
    here.platform.sync()
    state = here.rows("select is_finalized, total_kwh_billed::float from transaction_sync_state")

    here.add_customer()
    here.subscribe()
    here.database.execute("update user_mappings set lago_subscription_external_id = 'backfill-LEGACY-001'")
    run = here.platform.sync()

    assert state == [(True, 7.4)]
    assert (here.events(), run["events_created"]) == ([], 0)
    assert here.rows("select * from synced_transaction_events") == []


def test_a_wrong_subscription_is_used_unchecked_and_the_session_is_lost(here: Town) -> None:
    (id_tag,) = here.imported()
    here.database.execute("update user_mappings set lago_subscription_external_id = 'backfill-WRONG'")
    session = here.charge(id_tag)

    here.platform.sync()
    here.database.execute("update user_mappings set lago_subscription_external_id = 'backfill-LEGACY-001'")
    here.platform.sync()

    assert here.events() == [(f"steve_tx_{session}_final", "backfill-WRONG", "7.400")]


def test_a_mapping_without_a_subscription_takes_the_first_that_its_customer_has_running(here: Town) -> None:
    (id_tag,) = here.imported()
    here.database.execute("update user_mappings set lago_subscription_external_id = null")
    session = here.charge(id_tag)

    here.platform.sync()

    assert here.events() == [(f"steve_tx_{session}_final", "backfill-LEGACY-001", "7.400")]


def test_a_card_in_other_capitals_is_accepted_and_never_billed(here: Town) -> None:
    (id_tag,) = here.imported()
    here.platform.sync()
    here.charge(id_tag.lower())

    run = here.platform.sync()

    assert (run["transactions_processed"], here.events()) == (0, [])


def test_of_twins_the_later_pays(here: Town) -> None:
    (id_tag,) = here.imported()
    other = add_user(here.database, "LEGACY-002")
    add_mapping(
        here.database,
        other,
        99,
        steve_ocpp_id_tag=id_tag,
        lago_customer_external_id="LEGACY-002",
        lago_subscription_external_id="backfill-LEGACY-002",
        is_active=True,
    )
    here.charge(id_tag)

    here.platform.sync()

    assert [subscription for _, subscription, _ in here.events()] == ["backfill-LEGACY-002"]


@pytest.mark.parametrize(("hours_ago", "number"), [(23, 1), (25, 0)])
def test_the_look_back_goes_by_the_start_of_a_session(here: Town, hours_ago: int, number: int) -> None:
    (id_tag,) = here.imported()
    here.charged(id_tag, hours_ago)

    here.platform.sync()

    assert len(here.events()) == number


def test_a_running_session_waits_and_one_without_energy_is_only_noted(here: Town) -> None:
    (id_tag,) = here.imported()
    here.charged(id_tag, hours_ago=1, energy_wh=0)
    here.steve.world.start("TEST-1", 1, id_tag, 0, here.steve.world.now())

    here.platform.sync()

    assert here.events() == []
    assert here.rows(
        "select lago_event_transaction_id, kwh_delta::float, is_final from synced_transaction_events"
    ) == [("steve_tx_1_final_noop", 0.0, True)]


def test_a_session_that_stops_before_the_start_is_sent_and_never_billed(here: Town) -> None:
    (id_tag,) = here.import_rows()
    now = datetime.now(UTC)
    here.lago.set_clock((now + timedelta(days=2)).isoformat())
    here.add_customer()
    here.subscribe(subscription_at=(now + timedelta(days=1)).isoformat())
    here.activate()
    here.charge(id_tag)

    run = here.platform.sync()

    usage = "customers/LEGACY-001/current_usage?external_subscription_id=backfill-LEGACY-001"
    assert (run["events_created"], len(here.events())) == (1, 1)
    assert here.rows("select is_finalized from transaction_sync_state") == [(True,)]
    assert here.lago_call("GET", usage)["customer_usage"]["charges_usage"][0]["units"] == "0"


def test_one_event_that_lago_has_already_keeps_a_whole_batch_unbilled(here: Town) -> None:
    first, second = (here.imported(external_id)[0] for external_id in ("LEGACY-001", "LEGACY-002"))
    sessions = [here.charge(first), here.charge(second)]
    known = {
        "transaction_id": f"steve_tx_{sessions[0]}_final",
        "external_subscription_id": "backfill-LEGACY-001",
        "code": "ev_charging_kwh",
        "properties": {"value": "1"},
    }
    here.lago_call("POST", "events", {"event": known})

    runs = [here.platform.sync() for _ in range(2)]

    assert [run["events_created"] for run in runs] == [0, 0]
    assert all("Lago answered 422" in run["errors"] for run in runs)
    assert [run["status"] for run in runs] == ["completed", "completed"]
    assert len(here.events()) == 1
    assert here.rows("select * from transaction_sync_state") == []


def test_a_final_event_says_what_the_session_was(here: Town) -> None:
    (id_tag,) = here.imported()
    here.charged(id_tag, hours_ago=2, energy_wh=2500)

    here.platform.sync()

    (event,) = here.lago_call("GET", "events")["events"]
    (transaction,) = here.steve_call("GET", "transactions")
    assert event["properties"] == {
        "value": "2.500",
        "kwh": "2.500",
        "charger_id": "TEST-1",
        "connector_id": "1",
        "session_duration_minutes": "120",
        "start_timestamp": transaction["startTimestamp"],
        "stop_timestamp": transaction["stopTimestamp"],
    }
    assert event["timestamp"][:19] == transaction["stopTimestamp"][:19]


def test_a_mapping_that_names_nobody_in_lago_opens_nothing(here: Town) -> None:
    here.import_rows(is_active=True, lago_customer_external_id=None, lago_subscription_external_id=None)

    here.platform.sync()

    assert set(here.limits().values()) == {0}


# --- Parents ------------------------------------------------------------------------------------------


def _meta(here: Town, *, is_active: bool) -> None:
    """Put a card that is switched off under a META."""
    pk = here.add_tag("META-22222222", 1)
    add_mapping(
        here.database, None, pk, steve_ocpp_id_tag="META-22222222", tag_type="meta", is_active=is_active
    )
    here.add_customer()
    here.subscribe()


def test_a_card_that_is_switched_off_under_an_active_meta_stays_open_and_is_billed(here: Town) -> None:
    _meta(here, is_active=True)
    pk = here.add_tag("CARD", 0, parentIdTag="META-22222222")
    add_mapping(here.database, None, pk, steve_ocpp_id_tag="CARD", is_active=False)

    here.platform.sync()
    session = here.charge("CARD")
    here.platform.sync()

    assert here.limits() == {"META-22222222": -1, "CARD": -1}
    assert here.events() == [(f"steve_tx_{session}_final", "backfill-LEGACY-001", "7.400")]
    assert here.rows(
        "select tag_type from synced_transaction_events"
        " join user_mappings on user_mappings.id = user_mapping_id"
    ) == [("meta",)]


@pytest.mark.parametrize("clear_parent", [True, False])
def test_a_kept_card_stays_blocked_if_its_parent_is_cleared(here: Town, clear_parent: bool) -> None:
    _meta(here, is_active=True)
    form = {} if clear_parent else {"parentIdTag": "META-22222222"}
    here.add_tag("CARD", 0, **form)

    here.platform.sync()

    assert here.limits()["CARD"] == (0 if clear_parent else -1)


def test_a_meta_that_is_switched_off_passes_nothing_on(here: Town) -> None:
    """Neither what is its own nor what is above it."""
    (fleet,) = here.imported("FLEET")
    _meta(here, is_active=False)
    meta = here.tag("META-22222222")
    here.steve_call("PUT", f"ocppTags/{meta['ocppTagPk']}", {"idTag": meta["idTag"], "parentIdTag": fleet})
    here.add_tag("CARD", -1, parentIdTag="META-22222222")

    here.platform.sync()

    assert here.limits() == {fleet: -1, "META-22222222": -1, "CARD": 0}


def test_a_card_without_a_mapping_takes_that_of_an_ancestor(here: Town) -> None:
    _meta(here, is_active=True)
    here.add_tag("BETWEEN", 0, parentIdTag="META-22222222")
    here.add_tag("CARD", 0, parentIdTag="BETWEEN")

    here.platform.sync()

    assert here.limits() == {"META-22222222": -1, "BETWEEN": -1, "CARD": -1}


def test_parents_in_a_circle_open_nothing(here: Town) -> None:
    first = here.add_tag("FIRST")
    here.add_tag("SECOND", parentIdTag="FIRST")
    here.steve_call("PUT", f"ocppTags/{first}", {"idTag": "FIRST", "parentIdTag": "SECOND"})

    here.platform.sync()

    assert here.limits() == {"FIRST": 0, "SECOND": 0}


# --- Writing to SteVe ---------------------------------------------------------------------------------


def test_a_sync_keeps_parent_and_expiry_and_writes_nothing_twice(here: Town) -> None:
    here.add_tag("FLEET")
    here.add_tag("CARD", parentIdTag="FLEET", expiryDate="2037-01-01T00:00:00")

    here.platform.sync()
    here.steve.reset_requests()
    run = here.platform.sync()

    written = [one for one in here.steve.requests()["requests"] if one["method"] == "PUT"]
    card = here.tag("CARD")
    assert written == []
    assert (card["parentIdTag"], card["expiryDate"]) == ("FLEET", "2037-01-01T00:00:00.000Z")
    assert (card["maxActiveTransactionCount"], run["tags_unchanged"]) == (0, 2)


def test_what_steve_refuses_is_tried_three_times_in_every_sync_and_is_no_error(here: Town) -> None:
    here.add_tag("CARD")
    here.steve.fault("500,method=PUT,times=forever")

    runs = [here.platform.sync() for _ in range(2)]

    puts = [one for one in here.steve.requests()["requests"] if one["method"] == "PUT"]
    assert len(puts) == 6
    assert [(run["status"], run["errors"], run["tags_deactivated"]) for run in runs] == [
        ("completed", None, 0)
    ] * 2
    assert here.limits() == {"CARD": -1}
    assert here.rows("select level, message from sync_run_logs") == [("warn", "SteVe answered 500")] * 2


def test_an_expired_card_is_never_changed(here: Town) -> None:
    (id_tag,) = here.imported()
    here.steve.steer("POST", "id-tags", id_tag=id_tag, expiry_date="2020-01-01T00:00:00+00:00")
    here.database.execute("update user_mappings set is_active = false")

    here.platform.sync()

    assert here.limits() == {id_tag: -1}
    assert here.rows(
        "select message from sync_run_logs where segment = 'tag_linking' and level = 'warn'"
    ) == [("SteVe answered 400",)]


def test_a_tag_made_again_is_found_by_its_text(here: Town) -> None:
    (id_tag,) = here.imported()
    here.steve_call("DELETE", f"ocppTags/{here.tag(id_tag)['ocppTagPk']}")
    here.add_tag(id_tag, 0)

    here.platform.sync()

    assert here.limits() == {id_tag: -1}


# --- The snapshot -------------------------------------------------------------------------------------


def test_a_running_sync_undoes_what_was_stopped_meanwhile_and_the_next_one_heals_it(here: Town) -> None:
    (id_tag,) = here.imported()
    here.platform.sync()
    here.database.execute("update users set name = 'Another'")
    here.lago_call("POST", "customers", {"customer": {"external_id": "LEGACY-001", "name": "Another"}})
    here.platform.hold("sync.tags")
    before = here.platform.begin_sync()
    here.platform.wait_at("sync.tags")

    here.database.execute("update user_mappings set is_active = false")
    pk = here.tag(id_tag)["ocppTagPk"]
    here.steve_call("PUT", f"ocppTags/{pk}", {"idTag": id_tag, "maxActiveTransactionCount": 0})
    here.platform.go_on()
    here.platform.wait_synced(before + 1)
    undone = here.limits()
    here.platform.sync()

    assert undone == {id_tag: -1}
    assert here.limits() == {id_tag: 0}


def test_a_mapping_that_is_deleted_meanwhile_fails_the_run_after_lago_has_the_event(here: Town) -> None:
    (id_tag,) = here.imported()
    here.charge(id_tag)
    here.platform.hold("sync.usage")
    before = here.platform.begin_sync()
    here.platform.wait_at("sync.usage")
    here.database.execute("delete from user_mappings")

    here.platform.go_on()
    run = here.platform.wait_synced(before + 1)

    assert (run["status"], run["errors"]) == ("failed", '["ForeignKeyViolation"]')
    assert len(here.events()) == 1
    assert here.rows("select * from transaction_sync_state") == []


def test_a_run_says_when_it_began_and_only_later_that_it_is_completed(here: Town) -> None:
    here.platform.hold("sync.end")
    before = here.platform.begin_sync()
    here.platform.wait_at("sync.end")
    running = here.rows("select status, completed_at from sync_runs")

    here.platform.go_on()
    here.platform.wait_synced(before + 1)

    assert running == [("running", None)]
    assert here.rows("select status, started_at < completed_at from sync_runs") == [("completed", True)]


def test_a_system_that_is_away_fails_the_run(here: Town) -> None:
    here.add_tag("CARD")
    here.lago.fault("500,method=GET,path=/customers,times=forever")

    run = here.platform.sync()

    assert (run["status"], run["errors"]) == ("failed", '["Lago answered 500"]')
    assert here.limits() == {"CARD": -1}


# --- What it asks Lago, and what it remembers ---------------------------------------------------------


def test_each_customer_costs_a_look_at_wallets_and_each_mapped_one_at_subscriptions(here: Town) -> None:
    here.imported("LEGACY-001")
    here.add_customer("LEGACY-002")
    here.platform.sync()
    here.lago.reset_requests()

    here.platform.sync()

    assert here.lago.counts() == {
        "GET /customers": 1,
        "GET /subscriptions": 2,
        "GET /wallets": 2,
    }


def test_a_mapping_whose_subscription_waits_for_its_start_is_called_unknown(here: Town) -> None:
    here.import_rows()
    here.add_customer()
    here.subscribe(subscription_at="2999-01-01T00:00:00Z")

    here.platform.sync()

    assert here.rows("select message from sync_run_logs where level = 'warn'") == [
        ("Unknown subscription of mapping 1",)
    ]


def test_what_is_gone_from_lago_is_marked_as_deleted(here: Town) -> None:
    here.imported()
    here.platform.sync()
    here.lago_call("DELETE", "customers/LEGACY-001")

    here.platform.sync()

    assert here.rows("select deleted_at is null from lago_customers") == [(False,)]
    assert here.rows("select deleted_at is null from lago_subscriptions") == [(False,)]


def test_a_sync_throws_away_what_has_had_its_time(here: Town) -> None:
    here.database.execute(
        "insert into verifications (id, identifier, value, expires_at) values"
        " ('old', 'i', 'v', now() - interval '1 minute'), ('new', 'i', 'v', now() + interval '1 day')"
    )
    here.database.execute(
        "insert into auth_audit (event, created_at) values"
        " ('old', now() - interval '91 days'), ('new', now() - interval '89 days')"
    )

    here.platform.sync()

    assert here.rows("select id from verifications") == [("new",)]
    assert here.rows("select event from auth_audit") == [("new",)]

"""One story over the three systems: imported, opened, charged, billed; and what happens without the rows."""

from tests.rehearsal.platform.rows import add_user
from tests.rehearsal.platform.town import Town


def test_an_imported_card_is_opened_and_its_session_billed_once(here: Town) -> None:
    (id_tag,) = here.imported()
    here.platform.sync()
    opened = here.limits()

    session = here.charge(id_tag)
    run = here.platform.sync()
    again = here.platform.sync()

    assert opened == {id_tag: -1}
    assert here.events() == [(f"steve_tx_{session}_final", "backfill-LEGACY-001", "7.400")]
    assert (run["status"], run["events_created"], again["events_created"]) == ("completed", 1, 0)
    assert here.rows(
        "select steve_transaction_id, steve_ocpp_id_tag, kwh_delta::float, is_final"
        " from synced_transaction_events join user_mappings on user_mappings.id = user_mapping_id"
    ) == [(session, id_tag, 7.4, True)]
    assert here.rows("select is_finalized, total_kwh_billed::float from transaction_sync_state") == [
        (True, 7.4)
    ]


def test_without_rows_the_first_sync_blocks_every_imported_card(here: Town) -> None:
    for number in range(3):
        here.add_tag(f"CARD{number}")
        here.add_customer(f"LEGACY-00{number}")
        here.subscribe(f"LEGACY-00{number}")

    run = here.platform.sync()

    assert (run["tags_deactivated"], run["tags_activated"]) == (3, 0)
    assert set(here.limits().values()) == {0}
    assert here.tag("CARD0")["note"].startswith("No active subscription\n---\nLast synced on ")


def test_rows_that_come_later_open_what_was_blocked(here: Town) -> None:
    here.import_rows(cards=2)
    here.add_customer()
    here.subscribe()
    here.platform.sync()
    before = set(here.limits().values())

    here.activate()
    run = here.platform.sync()

    assert before == {0}
    assert run["tags_activated"] == 2
    assert set(here.limits().values()) == {-1}
    assert here.tag("LEGACY-001-1")["note"].startswith("Linked to Alice Example > backfill-LEGACY-001\n")


def test_a_user_is_made_for_every_lago_customer_with_the_address_as_it_is_there(here: Town) -> None:
    here.add_customer("LEGACY-001", email="Alice@Example.COM")
    add_user(here.database, "LEGACY-002", email="bob@example.com")
    here.add_customer("LEGACY-002", email="Robert@example.com")

    here.platform.sync()

    assert here.rows(
        "select lago_customer_external_id, email, role, email_verified from users order by 1"
    ) == [
        ("LEGACY-001", "Alice@Example.COM", "customer", False),
        ("LEGACY-002", "bob@example.com", "customer", False),
    ]


def test_a_revert_that_stops_first_leaves_nothing_open(here: Town) -> None:
    (id_tag,) = here.imported()
    here.platform.sync()

    here.database.execute("update user_mappings set is_active = false")
    here.lago_call("DELETE", "subscriptions/backfill-LEGACY-001?on_termination_invoice=skip")
    here.lago_call("DELETE", "customers/LEGACY-001")
    here.steve_call("PUT", f"ocppTags/{here.tag(id_tag)['ocppTagPk']}", _blocked(id_tag))
    here.database.execute("delete from user_mappings")
    here.database.execute("delete from users")
    here.platform.sync()

    assert here.limits() == {id_tag: 0}
    assert here.rows("select * from users") == []


def test_a_revert_that_leaves_mappings_active_reopens_what_it_blocked(here: Town) -> None:
    (id_tag,) = here.imported()
    here.lago_call("DELETE", "customers/LEGACY-001")
    here.steve_call("PUT", f"ocppTags/{here.tag(id_tag)['ocppTagPk']}", _blocked(id_tag))

    here.platform.sync()

    assert here.limits() == {id_tag: -1}


def _blocked(id_tag: str) -> dict[str, object]:
    return {"idTag": id_tag, "maxActiveTransactionCount": 0}


def test_a_user_who_is_deleted_while_lago_has_the_customer_is_made_again(here: Town) -> None:
    here.imported()
    here.database.execute("delete from user_mappings")
    here.database.execute("delete from users")

    here.platform.sync()

    assert here.rows("select lago_customer_external_id from users") == [("LEGACY-001",)]


def test_a_customer_who_is_deleted_and_made_again_is_hidden_by_the_cache(here: Town) -> None:
    here.add_customer()
    here.platform.sync()
    here.lago_call("DELETE", "customers/LEGACY-001")
    here.platform.sync()
    here.database.execute("delete from users")
    here.add_customer()

    here.platform.sync()
    hidden = here.rows("select lago_customer_external_id from users")
    here.database.execute("delete from lago_customers where deleted_at is not null")
    here.platform.sync()

    assert hidden == []
    assert here.rows("select lago_customer_external_id from users") == [("LEGACY-001",)]

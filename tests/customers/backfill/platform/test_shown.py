"""What the pages of a customer and of a card show of the platform's database."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from customers.backfill.on_platform import CardThere, OnPlatform, card_on_platform, customer_on_platform
from customers.models import IdTagMapping, User
from polaris import PlatformDatabase
from tests.customers.admin.world import client_of, member_of_staff, text_of, words_of
from tests.customers.backfill.crash.postgres_relay import PostgresRelay
from tests.customers.backfill.platform.there import KEY, TAG, E, card, user
from tests.customers.factories import customer, imported, mapping, row, rows
from tests.rehearsal.platform.town import Town

pytestmark = pytest.mark.django_db
LATER = (datetime.now(UTC) + timedelta(days=3)).date().isoformat()
AWAY = "postgresql://nobody@127.0.0.1:1/away"


def seen(**how: Any) -> OnPlatform:
    return customer_on_platform(User.objects.get(external_id=E), timezone.now(), **how)


def first(shown: OnPlatform) -> CardThere:
    return shown.cards[0]


def told(shown: OnPlatform) -> tuple[str, ...]:
    return (*shown.remarks, *(remark for one in shown.cards for remark in one.remarks))


# --- What is read ----------------------------------------------------------------------------------------


def test_a_customer_as_the_import_made_one_is_shown(town: Town) -> None:
    imported([row(1), row(1, id_tag="SECOND")])

    shown = seen()

    assert (shown.role, shown.has_signed_in, told(shown)) == ("customer", False, ())
    assert [(one.id_tag, one.state, one.subscription, one.is_well) for one in shown.cards] == [
        ("SECOND", "active", KEY, True),
        (TAG, "active", KEY, True),
    ]


def test_who_has_signed_in_there_is_said_to_have(town: Town) -> None:
    imported(rows(1))
    town.database.execute("update users set onboarded_at = now()")

    assert seen().has_signed_in


def test_a_card_that_waits_for_its_start_is_well(town: Town) -> None:
    imported([row(1, start_date=LATER)])

    shown = first(seen())

    assert (shown.state, shown.is_well, shown.subscription) == ("waits for its start", True, KEY)
    assert shown.begins_at is not None
    assert shown.begins_at.date().isoformat() == LATER
    assert shown.remarks == ()


def test_a_card_that_should_be_open_and_is_not_is_named(town: Town) -> None:
    imported(rows(1))
    town.database.execute("update user_mappings set is_active = false")

    shown = first(seen())

    assert (shown.state, shown.is_well) == ("inactive", False)
    assert shown.remarks == ("Active here and inactive there: the platform's next sync blocks the card.",)


def test_a_card_that_is_off_here_and_on_there_is_named(town: Town) -> None:
    imported(rows(1))
    IdTagMapping.objects.update(is_active=False)

    assert first(seen()).remarks == ("Inactive here and active there: it can charge.",)


def test_a_customer_whom_the_platform_does_not_know_is_shown_as_none(town: Town) -> None:
    mapping(customer(1), id_tag=TAG)

    shown = seen()

    assert (shown.role, first(shown).state) == ("", "no mapping")
    assert told(shown) == (
        "The platform has no user with this external_id; its next sync makes one.",
        "The platform's next sync blocks the card.",
    )


def test_somebody_else_with_the_address_is_named_without_being_shown(town: Town) -> None:
    mapping(customer(1), id_tag=TAG)
    user(town, "OTHER", "Customer1@example.com")

    assert "Somebody else there has this address." in told(seen())


def test_staff_is_no_customer(town: Town) -> None:
    mapping(customer(1), id_tag=TAG)
    user(town, role="admin")

    shown = seen()

    assert (shown.role, shown.has_signed_in) == ("admin", False)
    assert "Staff of the platform, and no customer: no card bills to it." in shown.remarks


@pytest.mark.parametrize(
    ("address", "remark"),
    [
        ("Customer1@example.com", "The address there has capitals: nobody can sign in with it."),
        ("other@example.com", "The address there is another one."),
    ],
)
def test_an_address_by_which_nobody_comes_in_is_named(town: Town, address: str, remark: str) -> None:
    imported(rows(1))
    town.database.execute("update users set email = %s", [address])

    assert seen().remarks == (remark,)


def test_another_subscription_another_spelling_and_another_user_are_named(town: Town) -> None:
    imported(rows(1))
    stranger = user(town, "OTHER", "other@example.com")
    town.database.execute(
        "update user_mappings set lago_subscription_external_id = 'theirs', user_id = %s,"
        " steve_ocpp_id_tag = 'tag0001'",
        [stranger],
    )

    shown = first(seen())

    assert shown.subscription == "theirs"
    assert set(shown.remarks) == {
        "Spelled otherwise there: its sessions are not billed.",
        "It belongs to another user there.",
        "Another subscription than here.",
    }


def test_a_card_that_nobody_pays_for_is_named(town: Town) -> None:
    imported(rows(1))
    town.database.execute("update user_mappings set lago_subscription_external_id = null, user_id = null")

    assert set(first(seen()).remarks) == {
        "It charges, and no subscription pays.",
        "It belongs to nobody there.",
    }


def test_a_card_of_somebody_else_is_named_and_nothing_more_is_told(town: Town) -> None:
    mapping(customer(1), id_tag=TAG)
    card(town, user(town, "OTHER", "o@example.com"), lago_customer_external_id="OTHER")

    shown = first(seen())

    assert (shown.state, shown.is_well, shown.subscription) == ("of somebody else", False, "")


def test_twins_of_an_id_tag_are_named(town: Town) -> None:
    imported(rows(1))
    card(town, None, town.add_tag("OTHER"), steve_ocpp_id_tag="tag0001", lago_customer_external_id="OTHER")

    assert first(seen()).remarks == ("The platform has this idTag more than once, in different spellings.",)


def test_the_parent_is_shown_and_cards_that_we_do_not_have_are_counted(town: Town) -> None:
    imported(rows(1))
    town.platform.make_metas()
    card(town, None, town.add_tag("UNKNOWN"), steve_ocpp_id_tag="UNKNOWN")
    both = seen()
    town.database.execute("update user_mappings set is_active = false where tag_type = 'meta'")

    assert (both.parent, both.more_cards, len(both.cards)) == ("active", 1, 1)
    assert seen().parent == "inactive"


def test_one_card_is_read_by_itself(town: Town) -> None:
    imported([row(1), row(1, id_tag="SECOND")])

    shown = card_on_platform(IdTagMapping.objects.get(id_tag="SECOND"), timezone.now())

    assert [(one.id_tag, one.state) for one in shown.cards] == [("SECOND", "active")]
    assert (shown.role, shown.error) == ("", "")


def test_a_customer_is_read_in_four_queries(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    imported([row(1), *(row(1, id_tag=f"MORE{number}") for number in range(8))])
    asked: list[str] = []
    read = PlatformDatabase.read

    def counted(self: PlatformDatabase, query: Any, *values: Any) -> Any:
        asked.append(str(query))
        return read(self, query, *values)

    monkeypatch.setattr(PlatformDatabase, "read", counted)
    shown = seen()

    assert (len(shown.cards), len(asked)) == (9, 4)


# --- Where it cannot be read -------------------------------------------------------------------------------


def test_who_has_no_external_id_is_not_looked_for(town: Town, settings: Any) -> None:
    settings.POLARIS_DATABASE_URL = AWAY
    signed_up = User.objects.create_user("direct@example.com")

    shown = customer_on_platform(signed_up, timezone.now())

    assert shown.error == "Without an external_id the platform cannot know this customer."


def test_where_no_platform_is_connected_none_is_asked(town: Town, settings: Any) -> None:
    imported(rows(1))
    settings.POLARIS_DATABASE_URL = "none"

    assert seen() == OnPlatform(error="No platform is connected (POLARIS_DATABASE_URL).")
    assert card_on_platform(IdTagMapping.objects.get(), timezone.now()) == seen()


def test_a_database_that_is_away_is_told_in_a_line(town: Town, settings: Any) -> None:
    imported(rows(1))
    settings.POLARIS_DATABASE_URL = AWAY

    assert seen() == OnPlatform(error="The platform's database does not answer.")
    assert card_on_platform(IdTagMapping.objects.get(), timezone.now()).error == seen().error


@pytest.mark.parametrize("answered", [False, True])
def test_a_database_that_falls_silent_is_not_waited_for(
    town: Town, settings: Any, platform_url: str, answered: bool
) -> None:
    imported(rows(1))
    with PostgresRelay(platform_url) as relay:
        settings.POLARIS_DATABASE_URL = relay.url
        relay.hold(2, answered=answered)

        shown = seen(timeout_s=0.5)

        assert relay.wait_held()
    assert shown == OnPlatform(error="The platform's database does not answer.")


def test_a_database_without_the_tables_is_told_in_a_line(
    town: Town, settings: Any, database_address: str
) -> None:
    imported(rows(1))
    settings.POLARIS_DATABASE_URL = database_address

    shown = seen()

    assert shown.error.startswith("The platform's database refused a statement")


# --- The pages -------------------------------------------------------------------------------------------


def part(client: Client, kind: str, pk: int) -> Any:
    return client.get(reverse(f"admin:customers_{kind}_platform", args=[pk]))


def test_the_pages_have_the_part_where_a_platform_is_connected(town: Town, settings: Any) -> None:
    imported(rows(1))
    browser = client_of(member_of_staff("view_customer", "view_idtagmapping"))
    pages = [
        reverse("admin:customers_customer_change", args=[User.objects.get(external_id=E).pk]),
        reverse("admin:customers_idtagmapping_change", args=[IdTagMapping.objects.get().pk]),
    ]
    beside = [text_of(browser.get(page)) for page in pages]
    settings.POLARIS_DATABASE_URL = "none"
    alone = [text_of(browser.get(page)) for page in pages]

    assert ["Asking the platform" in page for page in beside] == [True, True]
    assert ["platform" in page for page in alone] == [False, False]


def test_the_part_of_a_customer_says_who_and_which_cards(town: Town) -> None:
    imported([row(1, start_date=LATER)])
    browser = client_of(member_of_staff("view_customer"))

    words = words_of(part(browser, "customer", User.objects.get(external_id=E).pk))

    assert "customer has never signed in there" in words
    assert f"{TAG} waits for its start Blocked until {LATER} 00:00 UTC, and that is right. {KEY}" in words
    assert "Read from " in words


def test_the_part_of_a_card_tells_nothing_of_its_customer(town: Town) -> None:
    imported(rows(1))
    browser = client_of(member_of_staff("view_idtagmapping"))

    words = words_of(part(browser, "idtagmapping", IdTagMapping.objects.get().pk))

    assert f"{TAG} active {KEY}" in words
    assert "signed in" not in words


def test_neither_part_is_for_who_may_not_see_the_page(town: Town) -> None:
    imported(rows(1))
    browser = client_of(member_of_staff("view_auditentry"))

    answers = [
        part(browser, "customer", User.objects.get(external_id=E).pk),
        part(browser, "idtagmapping", IdTagMapping.objects.get().pk),
    ]

    assert [answer.status_code for answer in answers] == [403, 403]

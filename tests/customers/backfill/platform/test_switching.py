"""One card is switched off in the console, and on again: the platform keeps to it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from customers.models import IdTagMapping, User
from tests.customers.factories import imported, row, rows
from tests.rehearsal.platform.town import Town

pytestmark = pytest.mark.django_db(transaction=True)
LATER = (datetime.now(UTC) + timedelta(days=3)).date().isoformat()
LATER_ON = timedelta(days=4).total_seconds()


@pytest.fixture
def browser(client: Client) -> Client:
    staff = User.objects.create_superuser("staff@example.com", "a long password")
    client.force_login(staff)
    return client


def save(browser: Client, *, active: bool) -> list[str]:
    """Save the first card's form; give what the page says."""
    card = IdTagMapping.objects.get(id_tag="TAG0001")
    given: dict[str, Any] = {"is_active": "on"} if active else {}
    page = browser.post(f"/admin/customers/idtagmapping/{card.pk}/change/", given, follow=True)
    return [str(message) for message in page.context["messages"]]


def synced_after(town: Town, work: Callable[[], list[str]]) -> list[str]:
    """Do something that wakes the platform's sync, and wait until that is through."""
    before = town.platform.finished()
    told = work()
    town.platform.wait_synced(before + 1)
    return told


def its_day_comes(town: Town) -> None:
    town.lago.advance_clock(LATER_ON)
    town.lago.wait_webhooks()
    town.platform.sync()


def test_a_card_that_is_off_stays_off_through_the_next_sync(town: Town, browser: Client) -> None:
    town.send_webhooks()
    imported([row(1), row(1, id_tag="SECOND")])
    town.platform.make_metas()
    town.platform.sync()
    under = town.tag("TAG0001")["parentIdTag"]

    told = synced_after(town, lambda: save(browser, active=False))

    assert (under or "").startswith("META-")
    assert any("blocked in SteVe" in message for message in told)
    assert (town.limits()["TAG0001"], town.limits()["SECOND"]) == (0, -1)


def test_a_card_that_is_on_again_is_opened_by_the_next_sync(town: Town, browser: Client) -> None:
    imported(rows(1))
    synced_after(town, lambda: save(browser, active=False))

    synced_after(town, lambda: save(browser, active=True))

    assert town.limits()["TAG0001"] == -1


def test_what_cannot_be_reached_is_told_and_saving_again_tries_again(
    town: Town, browser: Client, settings: Any
) -> None:
    imported(rows(1))
    address, settings.POLARIS_DATABASE_URL = (
        settings.POLARIS_DATABASE_URL,
        "postgres://nobody@127.0.0.1:1/none",
    )

    told = save(browser, active=False)
    settings.POLARIS_DATABASE_URL = address
    again = save(browser, active=False)

    assert any("Elsewhere the card is as it was" in message for message in told)
    assert any("blocked in SteVe" in message for message in again)


# --- Before its subscription pays ------------------------------------------------------------------------


def test_a_card_that_waits_for_its_start_waits_on_when_it_is_saved(town: Town, browser: Client) -> None:
    town.send_webhooks()
    imported([row(1, start_date=LATER)])

    told = save(browser, active=True)
    town.platform.sync()
    before = town.limits()["TAG0001"]
    its_day_comes(town)

    assert (before, town.limits()["TAG0001"]) == (0, -1)
    assert any("no active subscription" in message for message in told)


def test_a_card_that_is_off_stays_off_when_its_day_comes(town: Town, browser: Client) -> None:
    town.send_webhooks()
    imported([row(1, start_date=LATER)])

    save(browser, active=False)
    its_day_comes(town)

    assert town.limits()["TAG0001"] == 0


def test_a_card_that_was_off_and_is_on_again_opens_when_its_day_comes(town: Town, browser: Client) -> None:
    town.send_webhooks()
    imported([row(1, start_date=LATER)])

    save(browser, active=False)
    save(browser, active=True)
    its_day_comes(town)

    assert town.limits()["TAG0001"] == -1


def test_a_card_is_not_opened_where_it_cannot_be_told_who_pays(
    town: Town, browser: Client, settings: Any
) -> None:
    imported(rows(1))
    synced_after(town, lambda: save(browser, active=False))
    settings.LAGO_API_URL = "http://127.0.0.1:1"

    told = save(browser, active=True)
    town.platform.sync()

    assert town.limits()["TAG0001"] == 0
    assert any("Elsewhere the card is as it was" in message for message in told)

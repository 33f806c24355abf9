"""Where a request comes from, and what happens where that cannot be told."""

import logging
from typing import Any

import pytest
from django.test import Client, RequestFactory
from pytest_django.fixtures import Settings

from customers.sign_in import client as origin
from customers.sign_in.asking import PER_CLIENT
from customers.sign_in.client import client_address
from tests.customers.admin.world import EVERYTHING, client_of, member_of_staff, words_of

FORWARDED = {"X-Forwarded-For": "203.0.113.9"}


def seen(**headers: str) -> str | None:
    return client_address(RequestFactory().get("/", headers=headers))


@pytest.fixture(autouse=True)
def _not_warned_yet() -> None:
    origin._warn.cache_clear()


@pytest.mark.parametrize(
    ("proxies", "forwarded", "expected"),
    [
        (0, "203.0.113.9", "127.0.0.1"),
        (1, "203.0.113.9", "203.0.113.9"),
        (1, "10.0.0.1, 203.0.113.9", "203.0.113.9"),
        (2, "6.6.6.6, 203.0.113.9, 10.0.0.2", "203.0.113.9"),
        (2, "203.0.113.9", None),
        (None, "203.0.113.9", None),
    ],
)
def test_a_client_cannot_make_up_its_address(
    proxies: int | None, forwarded: str, expected: str | None, settings: Settings
) -> None:
    settings.TRUSTED_PROXY_COUNT = proxies

    assert seen(**{"X-Forwarded-For": forwarded}) == expected


@pytest.mark.parametrize("proxies", [None, 0, 1, 2])
def test_whoever_comes_without_a_proxy_is_its_own_client(proxies: int | None, settings: Settings) -> None:
    settings.TRUSTED_PROXY_COUNT = proxies

    assert seen() == "127.0.0.1"


@pytest.mark.parametrize("header", ["X-Forwarded-Proto", "X-Real-IP", "Forwarded"])
@pytest.mark.parametrize("proxies", [None, 1])
def test_a_proxy_that_does_not_say_whom_it_was_asked_by_is_no_client(
    proxies: int | None, header: str, settings: Settings
) -> None:
    settings.TRUSTED_PROXY_COUNT = proxies

    assert seen(**{header: "https"}) is None


@pytest.mark.parametrize(
    ("forwarded", "expected"),
    [
        ("203.0.113.9:51234", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("[2001:db8:1:2::7]:443", "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("unknown", "unknown"),
    ],
)
def test_ports_and_the_many_addresses_of_one_household_make_no_difference(
    forwarded: str, expected: str, settings: Settings
) -> None:
    settings.TRUSTED_PROXY_COUNT = 1

    assert seen(**{"X-Forwarded-For": forwarded}) == expected


def test_a_proxy_that_is_not_accounted_for_is_told_of_once(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.TRUSTED_PROXY_COUNT = None

    for _ in range(3):
        seen(**FORWARDED)

    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "TRUSTED_PROXY_COUNT" in caplog.text


@pytest.mark.parametrize("proxies", [0, 1])
def test_nothing_is_remarked_where_the_number_is_right(
    proxies: int, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.TRUSTED_PROXY_COUNT = proxies

    seen(**FORWARDED)

    assert not caplog.records


@pytest.mark.django_db
@pytest.mark.parametrize(("proxies", "told"), [(None, True), (1, False)])
def test_the_overview_tells_administrators(
    proxies: int | None, told: bool, settings: Settings, lago: Any
) -> None:
    settings.TRUSTED_PROXY_COUNT = proxies

    page = words_of(client_of(member_of_staff(*EVERYTHING)).get("/admin/", headers=FORWARDED))

    assert ("TRUSTED_PROXY_COUNT" in page) is told


@pytest.mark.django_db
@pytest.mark.parametrize(("proxies", "last"), [(None, 302), (0, 429), (1, 302)])
def test_the_31st_customer_behind_a_proxy_gets_a_link_too(
    proxies: int | None, last: int, client: Client, settings: Settings
) -> None:
    settings.TRUSTED_PROXY_COUNT = proxies

    statuses = [
        client.post(
            "/sign-in/",
            {"email": f"customer-{number}@example.com"},
            headers={"X-Forwarded-For": f"203.0.113.{number}"},
        ).status_code
        for number in range(PER_CLIENT + 1)
    ]

    assert statuses == [302] * PER_CLIENT + [last]

"""What counts as the same as what Lago stores."""

import pytest

from billing.normal import same_email, same_name, stored_email
from rehearsal.lago import SANDBOX_KEY, Sandbox
from tests.billing.test_client import Connect


@pytest.mark.parametrize(
    ("ours", "theirs", "same"),
    [
        ("ann@example.com", "ann@example.com", True),
        ("Ann@Example.com", "ann@example.com", True),
        ("ann\u2013b@example.com", "ann-b@example.com", True),
        ("ann\u200b@example.com", "ann@example.com", True),
        ("ann@example.com", "bob@example.com", False),
        ("ann@example.com", None, False),
        ("ann@example.com", "", False),
    ],
)
def test_addresses_are_compared_as_lago_stores_them(ours: str, theirs: str | None, same: bool) -> None:
    assert same_email(ours, theirs) is same


@pytest.mark.parametrize(
    ("ours", "theirs", "same"),
    [
        ("Ann", "Ann", True),
        ("Zo\u00eb", "Zoe\u0308", True),
        ("A\0nn", "Ann", True),
        ("Ann ", "Ann", True),
        ("Ann", "ann", False),
        ("Ann", "Anne", False),
        ("Ann", None, False),
    ],
)
def test_names_are_compared_as_they_read(ours: str, theirs: str | None, same: bool) -> None:
    assert same_name(ours, theirs) is same


@pytest.mark.parametrize(
    "given", ["ann\u2013b@example.com", "an\u200bn@example.com", "ann\u00a0@example.com"]
)
def test_what_we_expect_lago_to_store_is_what_it_stores(connect: Connect, given: str) -> None:
    with Sandbox() as sandbox:
        made = connect(sandbox.url, SANDBOX_KEY).create_customer(external_id="A1", name="Ann", email=given)

    assert made.customer.email == stored_email(given)
    assert same_email(given, made.customer.email)

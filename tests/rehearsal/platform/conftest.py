"""A database of the platform for each module, emptied between its tests."""

import os
from collections.abc import Iterator

import psycopg
import pytest

from rehearsal.platform import schema
from tests.rehearsal.platform.databases import emptied, fresh_database
from tests.rehearsal.platform.town import Town, town

# Names a database on the server of the tests that has the tables of a real platform, which then take the
# place of ours.
TEMPLATE = "POLARIS_PLATFORM_TEMPLATE"


@pytest.fixture(scope="module")
def platform_database(database_address: str) -> Iterator[str]:
    with fresh_database(database_address, os.environ.get(TEMPLATE, "template1")) as address:
        if not schema.exists(address):
            schema.create(address)
        yield address


@pytest.fixture
def platform_url(platform_database: str) -> str:
    """The address of a platform's database in which there is nothing."""
    emptied(platform_database)
    return platform_database


@pytest.fixture
def connection(platform_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(platform_url, autocommit=True) as opened:
        yield opened


@pytest.fixture
def here(platform_url: str) -> Iterator[Town]:
    """Lago, SteVe and the platform, with nothing in them."""
    with town(platform_url) as running:
        yield running

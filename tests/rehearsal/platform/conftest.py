"""A database of the platform for each module, emptied between its tests."""

from collections.abc import Iterator

import psycopg
import pytest

from rehearsal.platform import schema
from tests.rehearsal.platform.databases import emptied, fresh_database


@pytest.fixture(scope="module")
def platform_database(database_address: str) -> Iterator[str]:
    with fresh_database(database_address) as address:
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

"""A platform beside the systems of the tests: its tables in a database of its own."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from rehearsal.platform import PlatformSandbox, schema
from rehearsal.steve import SteveSandbox
from tests.rehearsal.platform.databases import emptied, fresh_database


@pytest.fixture(scope="module")
def platform_database(database_address: str) -> Iterator[str]:
    with fresh_database(database_address) as address:
        schema.create(address)
        yield address


@pytest.fixture
def platform_url(platform_database: str, settings: Any, steve: SteveSandbox) -> str:
    """The address of a platform's database in which there is nothing, and to which the settings point."""
    emptied(platform_database)
    settings.POLARIS_DATABASE_URL = platform_database
    return platform_database


@pytest.fixture
def platform_rows(platform_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(platform_url, autocommit=True) as opened:
        yield opened


@pytest.fixture
def platform(platform_url: str, steve: SteveSandbox, settings: Any) -> Iterator[PlatformSandbox]:
    """The platform itself, with its sync and its pages."""
    with PlatformSandbox(
        database_url=platform_url,
        lago_url=settings.LAGO_API_URL,
        lago_key=settings.LAGO_API_KEY,
        steve_url=steve.url,
        steve_username=steve.username,
        steve_key=steve.key,
    ) as running:
        settings.POLARIS_CUSTOMER_URL = running.url
        yield running

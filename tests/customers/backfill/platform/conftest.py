"""Lago, SteVe and a platform beside each other, all of the test's own, and our settings pointing to them."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from rehearsal.lago import Sandbox
from rehearsal.platform import PlatformSandbox
from rehearsal.steve import SteveSandbox
from tests.customers.backfill.steve.world import CHARGE_BOX
from tests.rehearsal.platform.conftest import platform_database as platform_database
from tests.rehearsal.platform.conftest import platform_url as platform_url
from tests.rehearsal.platform.town import Town


@pytest.fixture
def steve(settings: Any, lago: Sandbox) -> Iterator[SteveSandbox]:
    """A SteVe whose sessions the platform bills, and nobody else."""
    with SteveSandbox(charge_boxes=[CHARGE_BOX]) as sandbox:
        for name, value in sandbox.variables().items():
            setattr(settings, name, value)
        yield sandbox


@pytest.fixture
def town(settings: Any, lago: Sandbox, steve: SteveSandbox, platform_url: str) -> Iterator[Town]:
    """The three of them; Lago tells the platform what happens once `send_webhooks` was called."""
    with (
        PlatformSandbox(
            database_url=platform_url,
            lago_url=lago.url,
            lago_key=lago.key,
            steve_url=steve.url,
            steve_username=steve.username,
            steve_key=steve.key,
        ) as platform,
        psycopg.connect(platform_url, autocommit=True) as database,
    ):
        for name, value in platform.variables().items():
            setattr(settings, name, value)
        yield Town(lago, steve, platform, database)

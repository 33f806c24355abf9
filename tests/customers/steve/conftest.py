"""Fixtures of the tests of SteVe in the whole pipeline: a Lago and a SteVe that the settings point to."""

from collections.abc import Iterator
from typing import Any

import pytest

from rehearsal.lago import Sandbox
from rehearsal.steve import SteveSandbox
from tests.customers.steve.world import CHARGE_BOX


@pytest.fixture
def steve(settings: Any, lago: Sandbox) -> Iterator[SteveSandbox]:
    """A SteVe of the test's own, with the platform's part behind it, which sends usage into that Lago."""
    with SteveSandbox(charge_boxes=[CHARGE_BOX], lago_url=lago.url, lago_key=lago.key) as sandbox:
        settings.STEVE_BASE_URL = sandbox.url
        settings.STEVE_API_USERNAME = sandbox.username
        settings.STEVE_API_KEY = sandbox.key
        settings.STEVE_OCPP_URL = sandbox.ocpp_url
        yield sandbox

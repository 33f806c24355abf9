"""Somebody who may do everything with runs, and a run that has succeeded."""

from typing import Any

import pytest
from django.test import Client

from customers.models import BackfillRun
from rehearsal.lago import Sandbox
from tests.customers.admin.world import EVERYTHING, client_of, member_of_staff
from tests.customers.factories import imported, rows


@pytest.fixture
def client(lago: Sandbox, settings: Any) -> Client:
    settings.EMAIL_FROM = "Polaris <no-reply@example.com>"
    return client_of(member_of_staff(*EVERYTHING))


@pytest.fixture
def run(client: Client) -> BackfillRun:
    report = imported(rows(3))
    assert report.run is not None
    return report.run

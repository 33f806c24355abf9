"""Staying with a run that is paused."""

import pytest

from customers.backfill.engine.stop import Stop
from customers.backfill.pausing import goes_on
from customers.models import BackfillRun
from tests.customers.admin.world import member_of_staff

pytestmark = pytest.mark.django_db


def test_who_paused_it_is_named_as_they_write_themselves() -> None:
    sam = member_of_staff()
    run = BackfillRun.objects.create(
        run_id="20270101-000000-aaaa", input_sha256="a" * 64, status="paused", asked_by=f"staff:{sam.pk}"
    )
    stop, told = Stop(), list[str]()
    stop.request("SIGINT", interrupted=True)

    assert not goes_on(run, stop, told.append, actor="cli:root")

    assert told[0].startswith("Paused by Sam Staff. No lock is held meanwhile.")

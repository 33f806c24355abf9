"""The console's revert at a Lago that bills whatever ends: refused when looking and when reverting."""

from typing import Any

import pytest
from django.urls import reverse

from customers.jobs import run_job
from customers.jobs.on_runs import ask
from customers.models import RunJob
from rehearsal.lago import Sandbox
from tests.customers.admin.world import EVERYTHING, client_of, member_of_staff, words_of
from tests.customers.factories import imported, rows
from tests.customers.undoing import all_rows, latest_run

pytestmark = pytest.mark.django_db


def test_nothing_is_begun_and_the_page_says_why(lago: Sandbox, settings: Any) -> None:
    with Sandbox(compat="old") as old:
        settings.LAGO_API_URL = old.url
        imported(rows(2))
        run = latest_run()
        client = client_of(member_of_staff(*EVERYTHING))
        before = all_rows()["customers.BackfillRun"], old.state(volatile=True)

        client.post(reverse("admin:customers_backfillrun_revert_look", args=[run.pk]))
        run_job(RunJob.objects.latest("pk").pk)
        page = client.get(reverse("admin:customers_backfillrun_revert", args=[run.pk]))
        run_job(ask(run, RunJob.Kind.REVERT, "staff:1").pk)

        assert "before 1.32 it bills whenever a subscription ends" in words_of(page)
        assert list(RunJob.objects.values_list("status", flat=True)) == [RunJob.Status.REFUSED] * 2
        assert (all_rows()["customers.BackfillRun"], old.state(volatile=True)) == before

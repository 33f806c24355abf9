"""Import with preview: what the page says is what the command says, and nothing is written before a click."""

from typing import Any

import pytest
from django.test import Client

from billing.sandbox import Sandbox
from customers import jobs
from customers.models import BackfillRun, BackfillUpload, User
from tests.customers.admin_world import (
    client_of,
    confirm,
    customers_csv,
    member_of_staff,
    preview_of,
    preview_page,
    queued,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(lago: Sandbox) -> Client:
    return client_of(member_of_staff("run_backfill"))


def test_a_preview_writes_nothing_but_the_upload(client: Client, lago: Sandbox) -> None:
    preview_of(client, customers_csv(3))

    assert not BackfillRun.objects.exists()
    assert not User.objects.filter(role="customer").exists()
    assert all(key.startswith("GET ") for key in lago.counts())


def test_a_confirmed_file_is_imported_by_the_worker(
    client: Client, lago: Sandbox, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        run = queued(client, customers_csv(3))

    assert jobs.import_run(run.pk) == "done"
    run.refresh_from_db()
    assert run.status == "succeeded"
    assert User.objects.filter(role="customer").count() == 3
    assert not BackfillUpload.objects.exists()

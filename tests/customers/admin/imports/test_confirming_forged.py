"""Confirmations that are somebody else's, altered, too old, or of another file: refused."""

from typing import Any

import pytest
from django.core import signing
from django.test import Client

from customers.admin.imports.seal import SALT, seal
from customers.models import BackfillRun, BackfillUpload, User
from rehearsal.lago import Sandbox
from tests.customers.admin.world import (
    CONFIRM,
    client_of,
    confirmation,
    csv_file,
    customers_csv,
    member_of_staff,
    preview_of,
    preview_page,
    said,
)
from tests.customers.factories import row

pytestmark = pytest.mark.django_db

NOT_YOURS = "This confirmation is not of a preview of yours, or is too old."


@pytest.fixture
def user(db: None) -> User:
    return member_of_staff("run_backfill")


@pytest.fixture
def client(lago: Sandbox, user: User) -> Client:
    return client_of(user)


@pytest.fixture
def fields(client: Client) -> dict[str, str]:
    """What the page of a good preview would send."""
    return confirmation(preview_page(client, preview_of(client, customers_csv(2))))


def is_refused(client: Client, fields: dict[str, str]) -> bool:
    answer = client.post(CONFIRM, fields)
    return NOT_YOURS in said(client, answer) and not BackfillRun.objects.exists()


# --- forged ------------------------------------------------------------------------------------------


def test_somebody_else_cannot_confirm(client: Client, fields: dict[str, str]) -> None:
    other = client_of(member_of_staff("run_backfill", email="olga@operator.example"))

    assert is_refused(other, fields)


def test_the_seal_of_another_preview_does_not_confirm(client: Client, fields: dict[str, str]) -> None:
    other = confirmation(preview_page(client, preview_of(client, customers_csv(1))))

    assert is_refused(client, {**fields, "seal": other["seal"]})
    assert is_refused(client, {**fields, "import_file_name": other["import_file_name"]})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("import_file_name", "../../../etc/passwd"),
        ("import_file_name", "00000000-0000-4000-8000-000000000000"),
        ("import_file_name", ""),
        ("seal", ""),
        ("seal", "forged"),
        pytest.param("seal", signing.dumps({"user": 1}, salt="another.salt"), id="seal-of-another-form"),
    ],
)
def test_altered_fields_do_not_confirm(client: Client, fields: dict[str, str], name: str, value: str) -> None:
    assert is_refused(client, {**fields, name: value})


def test_a_seal_over_other_bytes_does_not_confirm(client: Client, user: User, fields: dict[str, str]) -> None:
    said = {"user": user.pk, "token": fields["import_file_name"], "sha256": "0" * 64}

    assert is_refused(client, {**fields, "seal": signing.dumps(said, salt=SALT)})


def test_bytes_that_were_changed_in_the_database_are_not_imported(
    client: Client, fields: dict[str, str]
) -> None:
    BackfillUpload.objects.update(data=customers_csv(1))

    answer = client.post(CONFIRM, fields)

    assert any("not the one that was previewed" in message for message in said(client, answer))
    assert not BackfillRun.objects.exists()


@pytest.mark.parametrize("format", ["99", "-1", "x", ""])
def test_a_format_that_does_not_exist_is_no_error_of_the_server(
    client: Client, fields: dict[str, str], format: str
) -> None:
    assert client.post(CONFIRM, {**fields, "format": format}).status_code == 302
    assert not BackfillRun.objects.exists()


def test_a_preview_can_be_confirmed_for_an_hour_only(
    client: Client, fields: dict[str, str], time_machine: Any
) -> None:
    time_machine.move_to(BackfillUpload.objects.get().created_at + BackfillUpload.LIFETIME * 1.01)
    again = client_of(User.objects.get(role="staff"))

    assert is_refused(again, fields)


def test_a_discarded_preview_cannot_be_confirmed(client: Client, fields: dict[str, str]) -> None:
    BackfillUpload.objects.all().delete()

    assert is_refused(client, fields)


def test_a_confirmation_without_its_csrf_token_is_refused(lago: Sandbox, user: User) -> None:
    strict = client_of(user, enforce_csrf_checks=True)

    assert strict.post(CONFIRM, {}).status_code == 403


def test_rows_that_would_fail_cannot_be_confirmed_past_the_page(client: Client, user: User) -> None:
    good = confirmation(preview_page(client, preview_of(client, customers_csv(1))))
    bad = preview_of(client, csv_file([row(1), row(2, plan_code="gold")]))
    page = preview_page(client, bad)

    client.post(CONFIRM, {**good, "import_file_name": str(bad.pk), "seal": seal(bad, user)})

    assert f'action="{CONFIRM}"' not in page
    assert not BackfillRun.objects.exists()

"""People of the admin, and the steps of an import as their browser takes them."""

import re
from typing import Any

from django.contrib.auth.models import Permission
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from customers.models import BackfillRun, BackfillUpload, User
from tests.customers.backfill.files import csv_bytes

PASSWORD = "correct-horse-battery"
IMPORT = "/admin/customers/backfillrun/import/"
CONFIRM = "/admin/customers/backfillrun/process_import/"
EVERYTHING = (
    "run_backfill", "revert_backfill", "send_welcome", "view_backfillrun", "view_customer", "change_customer",
    "view_idtagmapping", "change_idtagmapping", "view_auditentry",
)  # fmt: skip
COLUMNS = ("email", "display_name", "external_id", "id_tag", "plan_code", "start_date")


def member_of_staff(*codenames: str, email: str = "sam@operator.example") -> User:
    """Make somebody who works here, with just these permissions."""
    user = User.objects.create_user(email, PASSWORD, role=User.Role.STAFF, display_name="Sam Staff")
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    return user


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def record(number: int, **changes: Any) -> list[Any]:
    row = {
        "email": f"person{number}@example.com", "display_name": f"Person {number}",
        "external_id": f"CRM-{number}", "id_tag": f"TAG{number:05d}",
        "plan_code": "standard", "start_date": "2025-01-31",
    }  # fmt: skip
    return list({**row, **changes}.values())


def customers_csv(rows: int, *more: list[Any]) -> bytes:
    return csv_bytes([COLUMNS, *(record(number) for number in range(1, rows + 1)), *more])


def upload(client: Client, data: bytes, name: str = "customers.csv", **options: Any) -> Any:
    """Send the form with its file, and give the answer as it is."""
    file = SimpleUploadedFile(name, data)
    return client.post(IMPORT, {"import_file": file, "resource": "0", "format": "", **options})


def preview_of(client: Client, data: bytes, name: str = "customers.csv", **options: Any) -> BackfillUpload:
    """Upload a file that is good enough for a preview, and give what is stored of it."""
    answer = upload(client, data, name, **options)
    assert answer.status_code == 302, errors_on(answer)
    return BackfillUpload.objects.get(pk=answer["Location"].rstrip("/").rpartition("/")[2])


def preview_page(client: Client, upload: BackfillUpload, **query: str) -> str:
    answer = client.get(preview_url(upload), query)
    assert answer.status_code == 200
    text: str = answer.content.decode()
    return text


def preview_url(upload: BackfillUpload) -> str:
    return reverse("admin:customers_backfillrun_preview", args=[upload.pk])


def confirmation(page: str) -> dict[str, str]:
    """Take the hidden fields of the confirmation from the page, by whatever names the library gives them."""
    form = re.search(rf'<form method="post" action="{CONFIRM}">(.*?)</form>', page, re.DOTALL)
    assert form, "the page has no confirmation"
    inputs = re.findall(r"<input[^>]*>", form[1])
    fields = {_attribute(one, "name"): _attribute(one, "value") for one in inputs}
    fields.pop("csrfmiddlewaretoken", None)
    return fields


def confirm(client: Client, upload: BackfillUpload) -> Any:
    return client.post(CONFIRM, confirmation(preview_page(client, upload)))


def queued(client: Client, data: bytes, **options: Any) -> BackfillRun:
    """Take a file as far as the queue."""
    upload = preview_of(client, data, **options)
    answer = confirm(client, upload)
    assert answer.status_code == 302
    upload.refresh_from_db()
    assert upload.run is not None
    return upload.run


def errors_on(answer: Any) -> list[str]:
    form = answer.context["form"]
    return [message for messages in form.errors.values() for message in messages]


def _attribute(tag: str, name: str) -> str:
    found = re.search(rf'\b{name}="([^"]*)"', tag)
    return found[1] if found else ""

"""People of the admin, and the steps of an import as their browser takes them."""

import html
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from django.contrib.auth.models import Permission
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import DEFAULT_DB_ALIAS, connections
from django.test import Client
from django.urls import reverse

from auditlog.models import AuditEntry
from customers import locks
from customers.models import BackfillRun, BackfillUpload, User
from tests.customers.factories import Row, csv_text, rows

BACKEND = "django.contrib.auth.backends.ModelBackend"
IMPORT = "/admin/customers/backfillrun/import/"
CONFIRM = "/admin/customers/backfillrun/process_import/"
EVERYTHING = (
    "run_backfill", "revert_backfill", "send_welcome", "view_backfillrun", "view_customer", "change_customer",
    "view_idtagmapping", "change_idtagmapping", "view_auditentry", "edit_mappings",
    "approve_backfill", "control_backfill",
)  # fmt: skip


def member_of_staff(*codenames: str, email: str = "sam@operator.example") -> User:
    """Make somebody who works here, with just these permissions."""
    user = User.objects.create_user(email, role=User.Role.STAFF, display_name="Sam Staff")
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    return user


def client_of(user: User, **options: Any) -> Client:
    client = Client(**options)
    client.force_login(user, backend=BACKEND)
    return client


def csv_file(given: Iterable[Row]) -> bytes:
    return csv_text(given).encode()


def customers_csv(count: int) -> bytes:
    return csv_file(rows(count))


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
    return text_of(answer)


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


def run_url(run: BackfillRun, page: str = "change") -> str:
    return reverse(f"admin:customers_backfillrun_{page}", args=[run.pk])


def followed(client: Client, run: BackfillRun, page: str = "change", seen: str = "-") -> Any:
    """Ask for a page as its script does that follows it, which shows already what has the stamp `seen`."""
    return client.get(run_url(run, page), headers={"X-Follow": seen})


def stamp_of(answer: Any) -> str:
    found = re.search(r'data-follow="([^"]+)"', text_of(answer))
    return found[1] if found else ""


def errors_on(answer: Any) -> list[str]:
    form = answer.context["form"]
    return [message for messages in form.errors.values() for message in messages]


def text_of(answer: Any) -> str:
    text: str = answer.content.decode()
    return text


def words_of(answer: Any) -> str:
    """Give what a person reads on the page, on one line."""
    text = re.sub(r"<(script|style).*?</\1>|<[^>]+>", " ", text_of(answer), flags=re.DOTALL)
    return " ".join(html.unescape(text).split())


def said(client: Client, answer: Any) -> list[str]:
    """Follow a redirect and give the messages that the page then shows."""
    return [str(message) for message in client.get(answer["Location"], follow=True).context["messages"]]


def audited(action: str) -> list[AuditEntry]:
    return list(AuditEntry.objects.filter(action=action))


@contextmanager
def other_session_works() -> Iterator[None]:
    """Have another process import or revert, as far as the lock can tell."""
    other = connections.create_connection(DEFAULT_DB_ALIAS)
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [locks.ONE_AT_A_TIME.key])
        yield
        with other.cursor() as cursor:  # at once: the server takes its time to see that a session has ended
            cursor.execute("SELECT pg_advisory_unlock(%s)", [locks.ONE_AT_A_TIME.key])
    finally:
        other.close()


def _attribute(tag: str, name: str) -> str:
    found = re.search(rf'\b{name}="([^"]*)"', tag)
    return html.unescape(found[1]) if found else ""

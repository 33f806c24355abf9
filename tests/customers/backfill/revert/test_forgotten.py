"""What is left of somebody who was taken back: in the database, table by table, and in our files."""

from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from customers import jobs
from customers.models import BackfillUpload, User
from rehearsal.steve import SteveSandbox
from tests.customers.admin.world import client_of, csv_file, preview_of, queued
from tests.customers.factories import row
from tests.customers.undoing import called
from tests.support.smtp_server import Inbox

pytestmark = pytest.mark.django_db(transaction=True)
WHO = {
    "email": "ida.nystroem@example.com",
    "display_name": "Ida Nyström",
    "id_tag": "DFF7B9C8AA55",
    "legal_name": "Nordstern Lastenrad",
    "address_line1": "Ringgasse 77",
    "phone": "+49 421 998877",
    "card_name": "Blue cargo bike",
    "open_usage_kwh": "12.5",
}
SAYS = ("nystr", "nyström", "dff7b9c8", "nordstern", "ringgasse", "998877", "cargo bike")


def test_only_a_preview_that_still_has_the_customer_knows_who_it_was(
    steve: SteveSandbox, inbox: Inbox, settings: Any
) -> None:
    client: Client = client_of(User.objects.create_superuser("root@operator.example"))
    run = queued(client, csv_file([row(1, **WHO), row(2, **dict.fromkeys(WHO, "")) | row(2)]))
    assert jobs.import_run(run.pk) == "done"
    called("backfill_reconcile", "--run-id", run.run_id)
    called("backfill_welcome", "--run-id", run.run_id, "--inline", "--delay-ms", "0")
    assert known() == ["customers_idtagmapping", "customers_user"]
    again = preview_of(client, csv_file([row(1, **WHO)]), skip_existing="on")

    answer = called("backfill_revert", "--run-id", run.run_id, "--external-id", "C-1", "--discard-activity")

    assert answer.code == 0, answer.err
    assert known() == ["customers_backfillupload"]
    again.delete()
    assert known() == []
    assert [path.name for path in files(settings) if is_told(path.read_text("utf-8", "replace"))] == []
    assert "C-1" in "".join(path.read_text("utf-8", "replace") for path in files(settings))


def known() -> list[str]:
    """Name the tables in which anything says who it was, whatever is packed in them opened."""
    found = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'select t::text from "{table}" t')
            if any(is_told(text) for (text,) in cursor.fetchall()) or holds(table):
                found.append(table)
    return found


def holds(table: str) -> bool:
    if table != BackfillUpload._meta.db_table:
        return False
    return any(
        is_told(bytes(data).decode()) for data in BackfillUpload.objects.values_list("data", flat=True)
    )


def is_told(text: str) -> bool:
    return any(word in text.casefold() for word in SAYS)


def files(settings: Any) -> list[Path]:
    return [path for path in Path(settings.BACKFILL_LOG_DIR).rglob("*") if path.is_file()]

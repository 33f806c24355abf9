"""The audit log: written once, never changed, whoever tries."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import DatabaseError, IntegrityError, connection, transaction

from auditlog.models import AuditEntry, Event, record

pytestmark = pytest.mark.django_db

CHANGES = {
    "UPDATE": "UPDATE auditlog_auditentry SET actor = 'somebody else'",
    "UPDATE of nothing": "UPDATE auditlog_auditentry SET actor = actor",
    "DELETE": "DELETE FROM auditlog_auditentry",
    "TRUNCATE": "TRUNCATE auditlog_auditentry",
    "TRUNCATE CASCADE": "TRUNCATE auditlog_auditentry CASCADE",
}


def written(count: int = 1) -> None:
    record(
        "backfill:1", "cli:ann", [Event("user.created", f"customer:C-{n}", {"n": n}) for n in range(count)]
    )


def refused(change: Callable[[], Any]) -> str:
    """How the database refuses it."""
    with pytest.raises(DatabaseError) as caught, transaction.atomic():
        change()
    return str(caught.value)


def run(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)


def test_an_entry_says_who_did_what_to_what() -> None:
    written()

    entry = AuditEntry.objects.get()
    assert (entry.tag, entry.actor, entry.action) == ("backfill:1", "cli:ann", "user.created")
    assert (entry.subject, entry.data) == ("customer:C-0", {"n": 0})
    assert str(entry) == "user.created customer:C-0"


def test_entries_of_a_tag_are_found_newest_first() -> None:
    written(2)
    record("other", "cli:ann", [Event("x", "y")])

    found = AuditEntry.objects.tagged("backfill:1")

    assert [entry.subject for entry in found] == ["customer:C-1", "customer:C-0"]


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("role", ["origin", "replica"])
def test_no_statement_changes_or_removes_an_entry(name: str, role: str) -> None:
    written(2)
    run(f"SET LOCAL session_replication_role = {role}")

    told = refused(lambda: run(CHANGES[name]))

    assert f"append-only: {name.split()[0]} refused" in told
    assert AuditEntry.objects.filter(actor="cli:ann").count() == 2


@pytest.mark.parametrize(
    "change",
    [
        lambda: AuditEntry.objects.get().delete(),
        lambda: AuditEntry.objects.all().delete(),
        lambda: AuditEntry.objects.update(action="x"),
        lambda: AuditEntry.objects.get().save(),
    ],
    ids=["delete", "delete all", "update", "save"],
)
def test_nor_does_django(change: Callable[[], Any]) -> None:
    written()

    assert "append-only" in refused(change)


@pytest.mark.parametrize("blank", ["tag", "actor", "action"])
def test_an_entry_without_tag_actor_or_action_is_refused(blank: str) -> None:
    fields = {"tag": "t", "actor": "a", "action": "x", "subject": "s"} | {blank: ""}

    with pytest.raises(IntegrityError, match="auditlog_entry_says_who_did_what"):
        AuditEntry.objects.create(**fields)
    with pytest.raises(ValidationError):
        AuditEntry(**fields).full_clean()


def test_many_entries_take_few_statements(django_assert_max_num_queries: Any) -> None:
    with django_assert_max_num_queries(6):
        written(2_500)

    assert AuditEntry.objects.count() == 2_500

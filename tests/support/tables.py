"""How tables are emptied between tests: by `DELETE`, and only those few that hold rows.

`TRUNCATE` makes new files for each table and each index, and its commit waits for the disk.
"""

from collections.abc import Sequence

from django.db import connection, transaction

# As `TRUNCATE` does: whoever is still at work there, though its process was killed, has ended before we look.
LOCK = "LOCK TABLE {} IN ACCESS EXCLUSIVE MODE"

AUDIT_LOG = "auditlog_auditentry"
# What is deleted stays in its table's file until it is cleared away, which PostgreSQL does by itself about
# once a minute: till then each test that looks into the table goes through what hundreds before it have left.
LEFT_BEHIND = "SELECT relname FROM pg_stat_user_tables WHERE n_dead_tup > 500"
OF_THE_MODELS = {"django_content_type", "auth_permission"}  # they are as `migrate` left them, and stay


def empty() -> None:
    """Empty our database: only the audit log's owner can do this, and only so."""
    found = connection.introspection.django_table_names(only_existing=True, include_views=False)
    names = sorted(set(found) - OF_THE_MODELS)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(LOCK.format(", ".join(names)))
        cursor.execute(holding_rows(names))
        full = [name for (name,) in cursor.fetchall()]
        if not full:
            return
        cursor.execute(f"ALTER TABLE {AUDIT_LOG} DISABLE TRIGGER auditlog_no_change")
        cursor.execute(delete(full))
        cursor.execute(
            "SET CONSTRAINTS ALL IMMEDIATE"
        )  # no table is altered while a foreign key is unsettled
        cursor.execute(f"ALTER TABLE {AUDIT_LOG} ENABLE ALWAYS TRIGGER auditlog_no_change")
    with connection.cursor() as cursor:
        cursor.execute(LEFT_BEHIND)
        littered = [name for (name,) in cursor.fetchall()]
        if littered:
            cursor.execute(f"VACUUM (SKIP_LOCKED) {', '.join(littered)}")


def holding_rows(names: Sequence[str]) -> str:
    """Ask, in one statement, which tables hold rows."""
    return " UNION ALL ".join(f"SELECT '{name}' WHERE EXISTS (SELECT FROM {name})" for name in names)


def delete(names: Sequence[str]) -> str:
    """Empty the tables in one statement, at whose end foreign keys are looked at, so in any order."""
    parts = ", ".join(f"of_{number} AS (DELETE FROM {name})" for number, name in enumerate(names))
    return f"WITH {parts} SELECT"

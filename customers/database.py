"""Why the database cannot be used, in our own words: what it says itself may repeat a password."""

from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

UNDEFINED_TABLE = "42P01"
# How psycopg begins when it never got a connection. One that is lost later is no fault of the start.
NEVER_CONNECTED = ("connection failed", "connection is bad", "connection timeout", "failed to resolve")
REASONS = {
    "refused": "nothing answers there",
    "No such file": "nothing answers there",
    "timeout": "nothing answers there",
    "resolve": "there is no such host",
    "authentication failed": "it refuses the user or the password",
    "no password supplied": "it wants a password",
    "does not exist": "it knows no such database or user",
    "SSL": "the two disagree about SSL",
}


def database_refusal(error: DatabaseError) -> str | None:
    """Say in a line, in our own words, why the database cannot be used; None if something else is wrong."""
    cause = error.__cause__
    if getattr(cause, "sqlstate", None) == UNDEFINED_TABLE:
        return "The database has no such table yet: run `manage.py migrate` first."
    message = str(cause)
    if not message.startswith(NEVER_CONNECTED):
        return None
    why = next((reason for words, reason in REASONS.items() if words in message), "it cannot be reached")
    return f"DATABASE_URL: no connection to {_place()}: {why}."


def migrations_to_apply() -> int:
    """Count what `migrate` would do."""
    executor = MigrationExecutor(connection)
    return len(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def _place() -> str:
    config = connection.settings_dict
    host = config["HOST"] or config.get("OPTIONS", {}).get("host") or "the local socket"
    return f"database {config['NAME']!r} at {host}:{config['PORT'] or 5432}"

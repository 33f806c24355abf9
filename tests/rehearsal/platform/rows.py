"""Rows as an import writes them, and the errors that they meet."""

from typing import Any
from uuid import uuid4

import psycopg
from psycopg import sql

from rehearsal.platform.accounts import public_id


def insert(connection: psycopg.Connection, table: str, **values: Any) -> Any:
    """Insert a row and return its id."""
    query = sql.SQL("insert into {} ({}) values ({}) returning id").format(
        sql.Identifier(table),
        sql.SQL(", ").join(map(sql.Identifier, values)),
        sql.SQL(", ").join(sql.Placeholder() * len(values)),
    )
    row = connection.execute(query, list(values.values())).fetchone()
    assert row
    return row[0]


def add_user(connection: psycopg.Connection, external_id: str | None = "LEGACY-001", **values: Any) -> str:
    usual = {
        "id": str(uuid4()),
        "public_id": public_id(),
        "name": "Alice Example",
        "email": None if external_id is None else f"{external_id.lower()}@example.com",
        "lago_customer_external_id": external_id,
    }
    return str(insert(connection, "users", **{**usual, **values}))


def add_mapping(connection: psycopg.Connection, user_id: str | None, pk: int = 1, **values: Any) -> int:
    usual = {
        "steve_ocpp_tag_pk": pk,
        "steve_ocpp_id_tag": f"CARD{pk:04}",
        "user_id": user_id,
        "lago_customer_external_id": "LEGACY-001",
        "lago_subscription_external_id": "backfill-LEGACY-001",
        "is_active": False,
    }
    return int(insert(connection, "user_mappings", **{**usual, **values}))


def refusal(error: psycopg.Error) -> tuple[str | None, str | None]:
    """Return what a refusal is told by: SQLSTATE and the constraint's name."""
    return error.sqlstate, error.diag.constraint_name

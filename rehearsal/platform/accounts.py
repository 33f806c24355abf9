"""Users for Lago's customers: whoever is in Lago and has none gets one at the next sync.

The address is taken as Lago spells it. Users sign in by their address in lower case and are looked up by
exactly that, so one with capitals never gets in.
"""

import re
import secrets
from enum import StrEnum
from uuid import uuid4

from psycopg.errors import UniqueViolation

from rehearsal.platform.database import Connection, Row, one, rows
from rehearsal.platform.lago import LagoApi
from rehearsal.stand_in.messages import Json

ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
ADDRESS = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+")
LINK = "update users set lago_customer_external_id = %s, updated_at = now() where id = %s"


class Outcome(StrEnum):
    LINKED = "linked"  # a user was there, and now knows its Lago customer
    CREATED = "created"
    NOT_IN_LAGO = "not_in_lago"
    MALFORMED = "malformed_email"
    STAFF = "admin_email"
    TAKEN = "linked_to_another_customer"
    RACED = "made_by_somebody_else"


def public_id() -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(8))


def provide(connection: Connection, lago: LagoApi, cached: list[Row]) -> dict[str, Outcome]:
    """Make a user for each cached customer without one, and fill in addresses that are not known yet."""
    known = {row["external_id"] for row in _linked(connection)}
    unlinked = [row["external_id"] for row in cached if row["external_id"] not in known]
    outcomes = {external_id: _provide(connection, lago, external_id) for external_id in unlinked}
    _fill_addresses(connection)
    return outcomes


def _linked(connection: Connection) -> list[Row]:
    return rows(
        connection,
        "select lago_customer_external_id as external_id from users"
        " where lago_customer_external_id is not null",
    )


def _provide(connection: Connection, lago: LagoApi, external_id: str) -> Outcome:
    sibling = one(
        connection,
        "select user_id from user_mappings"
        " where lago_customer_external_id = %s and user_id is not null order by id desc limit 1",
        external_id,
    )
    if sibling:
        return _link(connection, external_id, sibling["user_id"])
    customer = lago.customer(external_id)
    if customer is None:
        return Outcome.NOT_IN_LAGO
    email = (customer["email"] or "").strip() or None
    if email and not ADDRESS.fullmatch(email):
        return Outcome.MALFORMED
    holder = one(connection, "select id, role from users where lower(email) = lower(%s)", email)
    if holder:
        return _take_over(connection, external_id, holder)
    return _create(connection, external_id, customer, email)


def _take_over(connection: Connection, external_id: str, holder: Row) -> Outcome:
    if holder["role"] == "admin":
        return Outcome.STAFF
    elsewhere = one(
        connection,
        "select 1 from user_mappings where user_id = %s and lago_customer_external_id <> %s limit 1",
        holder["id"],
        external_id,
    )
    return Outcome.TAKEN if elsewhere else _link(connection, external_id, holder["id"])


def _link(connection: Connection, external_id: str, user_id: str) -> Outcome:
    """Link a user who has no link. One who has another keeps it, without a word."""
    try:
        connection.execute(f"{LINK} and lago_customer_external_id is null", [external_id, user_id])
    except UniqueViolation:
        return Outcome.RACED
    return Outcome.LINKED


def _create(connection: Connection, external_id: str, customer: Json, email: str | None) -> Outcome:
    try:
        connection.execute(
            "insert into users (id, public_id, name, email, email_verified, lago_customer_external_id)"
            " values (%s, %s, %s, %s, false, %s)",
            [str(uuid4()), public_id(), _display_name(customer, email), email, external_id],
        )
    except UniqueViolation:
        return Outcome.RACED
    return Outcome.CREATED


def _display_name(customer: Json, email: str | None) -> str | None:
    full = " ".join(part for part in (customer["firstname"], customer["lastname"]) if part)
    return customer["name"] or full or (email or "").partition("@")[0] or None


def _fill_addresses(connection: Connection) -> None:
    """Give users without an address that of their Lago customer, unless somebody has it."""
    lacking = rows(
        connection,
        "select users.id, cached.email from users"
        " join lago_customers cached on cached.external_id = users.lago_customer_external_id"
        " where users.email is null and cached.email <> '' and cached.deleted_at is null",
    )
    for row in lacking:
        try:
            connection.execute("update users set email = %s where id = %s", [row["email"], row["id"]])
        except UniqueViolation:
            continue

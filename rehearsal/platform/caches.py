"""What the platform keeps of Lago's customers and subscriptions.

The external ids are unique, marked as deleted or not, while a row is found by Lago's own id: a customer that
was deleted and made again under the same external id never gets in.
"""

from typing import LiteralString

from psycopg.errors import UniqueViolation
from psycopg.types.json import Jsonb

from rehearsal.platform.database import Connection, Row, rows
from rehearsal.stand_in.messages import Json

CUSTOMER: LiteralString = """
    insert into lago_customers
        (lago_id, external_id, name, email, currency, payload, lago_updated_at)
    values (%s, %s, %s, %s, %s, %s, %s)
    on conflict (lago_id) do update set
        name = excluded.name, email = excluded.email, currency = excluded.currency,
        payload = excluded.payload, lago_updated_at = excluded.lago_updated_at,
        synced_at = now(), deleted_at = null
"""
SUBSCRIPTION: LiteralString = """
    insert into lago_subscriptions
        (lago_id, external_id, external_customer_id, customer_lago_id, plan_code, status, started_at,
         terminated_at, payload)
    values (%s, %s, %s, %s, %s, %s, %s, %s, %s)
    on conflict (lago_id) do update set
        plan_code = excluded.plan_code, status = excluded.status, started_at = excluded.started_at,
        terminated_at = excluded.terminated_at, payload = excluded.payload,
        synced_at = now(), deleted_at = null
"""


def keep_customer(connection: Connection, customer: Json) -> bool:
    """Write a customer as Lago has it; False where another row holds its external id."""
    named = ("lago_id", "external_id", "name", "email", "currency")
    values = [*(customer[name] for name in named), Jsonb(customer), customer["updated_at"]]
    return _kept(connection, CUSTOMER, values)


def keep_subscription(connection: Connection, subscription: Json) -> bool:
    named = ("lago_id", "external_id", "external_customer_id", "lago_customer_id", "plan_code", "status")
    times = ("started_at", "terminated_at")
    values = [*(subscription[name] for name in (*named, *times)), Jsonb(subscription)]
    return _kept(connection, SUBSCRIPTION, values)


def _kept(connection: Connection, query: LiteralString, values: list[object]) -> bool:
    try:
        connection.execute(query, values)
    except UniqueViolation:
        return False
    return True


def follow(connection: Connection, customers: list[Json], subscriptions: list[Json]) -> list[str]:
    """Bring both to what Lago lists, mark the rest as deleted, and name the ids that do not fit in."""
    left_out = [one["external_id"] for one in customers if not keep_customer(connection, one)]
    left_out += [one["external_id"] for one in subscriptions if not keep_subscription(connection, one)]
    connection.execute(
        "update lago_customers set deleted_at = now() where deleted_at is null and lago_id <> all(%s)",
        [[one["lago_id"] for one in customers]],
    )
    connection.execute(
        "update lago_subscriptions set deleted_at = now() where deleted_at is null and lago_id <> all(%s)",
        [[one["lago_id"] for one in subscriptions]],
    )
    return left_out


def customers(connection: Connection) -> list[Row]:
    return rows(connection, "select * from lago_customers where deleted_at is null order by external_id")


def unknown_subscriptions(connection: Connection) -> list[int]:
    """Return the mappings whose subscription is not among those that run: pending ones are not listed."""
    found = rows(
        connection,
        """
        select id from user_mappings
        where lago_subscription_external_id is not null and not exists (
            select 1 from lago_subscriptions
            where external_id = lago_subscription_external_id and deleted_at is null
        )
        order by id
        """,
    )
    return [row["id"] for row in found]

"""What the platform does at once when Lago tells it of a customer or a subscription.

Webhooks are handled side by side, each written down first. A handler that fails is not tried again.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from psycopg import Error as DatabaseError
from psycopg.types.json import Jsonb

from rehearsal.platform import caches, tags
from rehearsal.platform.database import Connection, Row, rows
from rehearsal.platform.gate import Gate
from rehearsal.platform.http_api import ApiError
from rehearsal.platform.metas import Metas
from rehearsal.platform.steve import BLOCKED, UNLIMITED, SteveApi
from rehearsal.platform.surroundings import Surroundings
from rehearsal.stand_in.messages import Json


@dataclass(frozen=True, slots=True)
class Webhooks:
    surroundings: Surroundings
    gate: Gate

    def receive(self, payload: Json) -> None:
        """Write a webhook down, do what it asks for and write down how that went."""
        around = self.surroundings
        with around.database.connection() as connection, around.lago() as lago, around.steve() as steve:
            event_id = _written_down(connection, payload)
            handler = HANDLERS.get(payload["webhook_type"])
            problem = None
            if handler:
                desk = Desk(connection, steve, Metas(connection, lago, steve, self.gate))
                problem = _problem(handler, desk, payload)
            connection.execute(
                "update lago_webhook_events set processed_at = now(), processing_error = %s where id = %s",
                [problem, event_id],
            )


@dataclass(frozen=True, slots=True)
class Desk:
    """What a handler works with."""

    connection: Connection
    steve: SteveApi
    metas: Metas


Handler = Callable[[Desk, Json], None]


def _problem(handler: Handler, desk: Desk, payload: Json) -> str | None:
    try:
        handler(desk, payload[payload["object_type"]])
    except (ApiError, DatabaseError) as error:
        return str(error) if isinstance(error, ApiError) else type(error).__name__
    return None


def _written_down(connection: Connection, payload: Json) -> int:
    told: Json = payload.get(payload["object_type"]) or {}
    is_customer = payload["object_type"] == "customer"
    row = rows(
        connection,
        "insert into lago_webhook_events (webhook_type, object_type, lago_object_id, external_customer_id,"
        " external_subscription_id, raw_payload) values (%s, %s, %s, %s, %s, %s) returning id",
        payload["webhook_type"],
        payload["object_type"],
        told.get("lago_id"),
        told.get("external_id") if is_customer else told.get("external_customer_id"),
        None if is_customer else told.get("external_id"),
        Jsonb(payload),
    )[0]
    return int(row["id"])


def _customer_told(desk: Desk, customer: Json) -> None:
    caches.keep_customer(desk.connection, customer)
    desk.metas.ensure(customer["external_id"])


def _subscription_started(desk: Desk, subscription: Json) -> None:
    """Open every card that waits for this subscription, also those that have no user any more.

    The META follows where a card names the subscription; where none does, it stays as it is.
    """
    caches.keep_subscription(desk.connection, subscription)
    opened = rows(
        desk.connection,
        "update user_mappings set is_active = true, updated_at = now()"
        " where lago_subscription_external_id = %s and is_active is not true returning *",
        subscription["external_id"],
    )
    named = rows(
        desk.connection,
        "select id from user_mappings where lago_subscription_external_id = %s limit 1",
        subscription["external_id"],
    )
    for mapping in opened:
        tags.write_one(desk.connection, desk.steve, mapping, UNLIMITED, _name(desk, subscription))
    desk.connection.execute(
        "insert into notifications (kind, source_type, source_id)"
        " values ('subscription_started', 'lago_subscription', %s)",
        [subscription["external_id"]],
    )
    if named:
        desk.metas.ensure(subscription["external_customer_id"])


def _subscription_updated(desk: Desk, subscription: Json) -> None:
    caches.keep_subscription(desk.connection, subscription)


def _subscription_terminated(desk: Desk, subscription: Json) -> None:
    """Block every card that still is active on this subscription. Where none is, nothing happens."""
    caches.keep_subscription(desk.connection, subscription)
    closed = rows(
        desk.connection,
        "update user_mappings set is_active = false, updated_at = now()"
        " where lago_subscription_external_id = %s and is_active returning *",
        subscription["external_id"],
    )
    for mapping in closed:
        tags.write_one(desk.connection, desk.steve, mapping, BLOCKED, None)
    if closed:
        desk.metas.ensure(subscription["external_customer_id"])
    desk.connection.execute(
        "insert into notifications (kind, source_type, source_id)"
        " values ('subscription_terminated', 'lago_subscription', %s)",
        [subscription["external_id"]],
    )


def _name(desk: Desk, subscription: Json) -> str:
    """Return the customer's name as the platform's own row has it, else Lago's external id."""
    external_id: str = subscription["external_customer_id"]
    found: list[Row] = rows(
        desk.connection, "select name from users where lago_customer_external_id = %s", external_id
    )
    return (found[0]["name"] if found else None) or external_id


HANDLERS: Mapping[str, Handler] = {
    "customer.created": _customer_told,
    "customer.updated": _customer_told,
    "subscription.started": _subscription_started,
    "subscription.updated": _subscription_updated,
    "subscription.terminated": _subscription_terminated,
}

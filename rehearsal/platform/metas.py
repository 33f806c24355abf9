"""METAs: the parent idTag that the platform makes for each customer, with a mapping of its own."""

from dataclasses import dataclass

from rehearsal.platform import notes, tags
from rehearsal.platform.database import Connection, Row, one, rows
from rehearsal.platform.gate import Gate, Point
from rehearsal.platform.lago import LagoApi
from rehearsal.platform.steve import BLOCKED, ONE_SESSION, UNLIMITED, SteveApi


@dataclass(frozen=True, slots=True)
class Metas:
    connection: Connection
    lago: LagoApi
    steve: SteveApi
    gate: Gate

    def have(self, external_id: str) -> Row:
        """Have a META for a customer, in SteVe and as a mapping, and return the mapping.

        One that is there stays as it is. Raise ApiError if SteVe refuses the idTag: it is too long, or
        somebody made it since we looked. Nothing is tried again then.
        """
        return self.of(external_id) or self._make(external_id, self._running(external_id))

    def ensure(self, external_id: str) -> Row:
        """Have a META, switched on if the customer had a running subscription when we began."""
        running, mapping = self._running(external_id), self.of(external_id)
        if mapping is None:
            return self._make(external_id, running)
        if running is None or mapping["is_active"]:
            return mapping
        return self._switch_on(mapping, running)

    def of(self, external_id: str) -> Row | None:
        return one(
            self.connection,
            "select * from user_mappings where tag_type = 'meta' and lago_customer_external_id = %s",
            external_id,
        )

    def ensure_all(self) -> int:
        """Do what the platform's own script does: a META for each customer, and their cards under it."""
        customers = rows(
            self.connection,
            "select lago_customer_external_id as external_id from users"
            " where lago_customer_external_id is not null order by external_id",
        )
        for customer in customers:
            self._gather(self.ensure(customer["external_id"]))
        return len(customers)

    def _running(self, external_id: str) -> str | None:
        running = self.lago.active_subscriptions_of(external_id)
        return running[0]["external_id"] if running else None

    def _gather(self, meta: Row) -> None:
        cards = rows(
            self.connection,
            "update user_mappings set steve_parent_id_tag = %s, updated_at = now()"
            " where lago_customer_external_id = %s and tag_type <> 'meta' returning *",
            meta["steve_ocpp_id_tag"],
            meta["lago_customer_external_id"],
        )
        for card in cards:
            limit = UNLIMITED if card["is_active"] else BLOCKED
            tags.write_one(self.connection, self.steve, card, limit, card["lago_customer_external_id"])

    def _make(self, external_id: str, subscription: str | None) -> Row:
        user = one(self.connection, "select * from users where lago_customer_external_id = %s", external_id)
        id_tag = f"META-{user['public_id']}" if user else f"OCPP-{external_id}"
        pk = self._in_steve(id_tag, ONE_SESSION if subscription else BLOCKED)
        return rows(
            self.connection,
            "insert into user_mappings (steve_ocpp_tag_pk, steve_ocpp_id_tag, tag_type, user_id,"
            " lago_customer_external_id, lago_subscription_external_id, is_active)"
            " values (%s, %s, 'meta', %s, %s, %s, %s) returning *",
            pk,
            id_tag,
            user["id"] if user else None,
            external_id,
            subscription or self._meant(external_id),
            subscription is not None,
        )[0]

    def _in_steve(self, id_tag: str, limit: int) -> int:
        found = self.steve.tag(id_tag)
        self.gate.pass_by(Point.META)
        if found is not None:
            return int(found["ocppTagPk"])
        return self.steve.create(id_tag, limit, notes.stamped(notes.linked(id_tag)))

    def _meant(self, external_id: str) -> str | None:
        """Take the subscription that a card of the customer carries, although it does not run yet."""
        card = one(
            self.connection,
            "select lago_subscription_external_id as external_id from user_mappings"
            " where lago_customer_external_id = %s and lago_subscription_external_id is not null"
            " order by id limit 1",
            external_id,
        )
        return card["external_id"] if card else None

    def _switch_on(self, mapping: Row, subscription: str) -> Row:
        switched = rows(
            self.connection,
            "update user_mappings set is_active = true, lago_subscription_external_id = %s,"
            " updated_at = now() where id = %s returning *",
            subscription,
            mapping["id"],
        )[0]
        tags.write_one(self.connection, self.steve, switched, UNLIMITED, mapping["steve_ocpp_id_tag"])
        return switched

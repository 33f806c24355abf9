"""METAs: the parent idTag that the platform makes for each customer, with a mapping of its own.

What SteVe refuses is passed over in silence: an idTag that is too long, or that somebody made since we
looked. Nothing is tried again until something asks for that META once more.
"""

from dataclasses import dataclass

from rehearsal.platform import notes, tags
from rehearsal.platform.database import Connection, Row, one, rows
from rehearsal.platform.gate import Gate, Point
from rehearsal.platform.http_api import ApiError
from rehearsal.platform.lago import LagoApi
from rehearsal.platform.steve import BLOCKED, ONE_SESSION, UNLIMITED, SteveApi
from rehearsal.stand_in.messages import Json


@dataclass(frozen=True, slots=True)
class Metas:
    connection: Connection
    lago: LagoApi
    steve: SteveApi
    gate: Gate

    def ensure(self, external_id: str) -> Row | None:
        """Bring a customer's META to what its subscriptions are, in SteVe and as a mapping, and return that.

        It is active, and open for one session, if a subscription runs, and blocked if none does. The next
        sync opens it for more.
        """
        user = self._user(external_id)
        id_tag = f"META-{user['public_id']}" if user else _without_user(external_id)
        running = self.lago.active_subscriptions_of(external_id)
        subscription = running[0]["external_id"] if running else None
        pk = self._in_steve(id_tag, ONE_SESSION if subscription else BLOCKED)
        if pk is None:
            return None
        mapping = self._mapped(pk, id_tag, user, external_id, subscription)
        if user:
            self._retire(_without_user(external_id), id_tag)
        return mapping

    def ensure_all(self) -> int:
        """Do what the platform's own script does: a META for each customer, and their cards under it."""
        customers = self.lago.customers()
        for customer in customers:
            meta = self.ensure(customer["external_id"])
            if meta:
                self._gather(meta, customer)
        return len(customers)

    def _user(self, external_id: str) -> Row | None:
        query = "select * from users where lago_customer_external_id = %s"
        return one(self.connection, query, external_id)

    def _in_steve(self, id_tag: str, limit: int) -> int | None:
        """Have the idTag in SteVe with that limit, and return its number; None if SteVe does not take it."""
        found = self.steve.tag(id_tag)
        self.gate.pass_by(Point.META)
        try:
            if found is None:
                return self.steve.create(id_tag, limit, notes.stamped(notes.linked(id_tag)))
            if found["maxActiveTransactionCount"] != limit:
                self._rewrite(found, limit=limit, parent=found["parentIdTag"])
        except ApiError:
            return found["ocppTagPk"] if found else None
        return int(found["ocppTagPk"])

    def _rewrite(self, tag: Json, *, limit: int, parent: str | None) -> None:
        self.steve.replace(
            tag["ocppTagPk"], tag["idTag"], limit, tag["note"] or "", parent=parent, expiry=tag["expiryDate"]
        )

    def _mapped(
        self, pk: int, id_tag: str, user: Row | None, external_id: str, subscription: str | None
    ) -> Row:
        return rows(
            self.connection,
            "insert into user_mappings as known (steve_ocpp_tag_pk, steve_ocpp_id_tag, tag_type, user_id,"
            " lago_customer_external_id, lago_subscription_external_id, is_active)"
            " values (%s, %s, 'meta', %s, %s, %s, %s)"
            " on conflict (steve_ocpp_tag_pk) do update set"
            " steve_ocpp_id_tag = excluded.steve_ocpp_id_tag,"
            " lago_customer_external_id = excluded.lago_customer_external_id,"
            " lago_subscription_external_id = excluded.lago_subscription_external_id,"
            " is_active = excluded.is_active, user_id = coalesce(known.user_id, excluded.user_id),"
            " updated_at = now() returning *",
            pk,
            id_tag,
            user["id"] if user else None,
            external_id,
            subscription,
            subscription is not None,
        )[0]

    def _retire(self, legacy: str, successor: str) -> None:
        """Put the children of a META from before there was a user under its successor, and delete it."""
        tag = self.steve.tag(legacy)
        if tag is None:
            return
        for child in self.steve.children(legacy):
            self._rewrite(child, limit=child["maxActiveTransactionCount"], parent=successor)
        self.connection.execute(
            "update user_mappings set is_active = false, updated_at = now() where steve_ocpp_id_tag = %s",
            [legacy],
        )
        self.steve.delete(tag["ocppTagPk"])

    def _gather(self, meta: Row, customer: Json) -> None:
        cards = rows(
            self.connection,
            "update user_mappings set steve_parent_id_tag = %s, updated_at = now()"
            " where lago_customer_external_id = %s and tag_type <> 'meta' returning *",
            meta["steve_ocpp_id_tag"],
            meta["lago_customer_external_id"],
        )
        for card in cards:
            limit = UNLIMITED if card["is_active"] else BLOCKED
            tags.write_one(self.connection, self.steve, card, limit, customer["name"])


def _without_user(external_id: str) -> str:
    return f"OCPP-{external_id}"

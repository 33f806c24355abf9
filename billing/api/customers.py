"""Customers of Lago."""

import time
from collections.abc import Collection, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from billing.api.addresses import path_id, without_blanks
from billing.api.pages import spread
from billing.api.replies import Reply
from billing.api.resources import Resources, is_absent, named
from billing.errors import LagoError, proxy_cuts_ids
from billing.values import CreatedCustomer, Customer, Json

# Two simultaneous POSTs for one new id: the loser is told this, and succeeds (as an update) the next time.
LOST_RACE = {"external_id": ["value_already_exist"]}
# How far a server's `Date` and its database may be apart, and how far its clock and ours.
SERVER_SLACK = timedelta(seconds=3)
LOCAL_SLACK = timedelta(seconds=15)


class Customers(Resources):
    def customers(self) -> list[Customer]:
        return self._all("customers", Customer.of)

    def customer(self, external_id: str) -> Customer | None:
        path = f"customers/{path_id(external_id)}"
        if "." in external_id:
            return self._search("customers", Customer.of, external_id)
        return self._find_named(path, "customer", Customer.of, external_id)

    def customers_by_id(self, external_ids: Collection[str]) -> dict[str, Customer]:
        """Return those of the customers that exist, with as few calls as possible."""
        wanted = frozenset(external_ids)
        if len(wanted) < 2:
            return _by_id(map(self.customer, wanted))

        def keep(data: Json) -> Customer | None:
            return Customer.of(data) if data["external_id"] in wanted else None

        first = self._page("customers", keep, ())
        found = _by_id(first.items.values())
        left = wanted - found.keys()
        if first.total_pages - 1 <= len(left):
            customers = self._all("customers", keep, first=first)
            return _by_id(customers)
        return found | _by_id(spread(self.customer, left, self._workers))

    def create_customer(
        self, *, external_id: str, name: str, email: str, currency: str | None = None
    ) -> CreatedCustomer:
        """Make a customer. Repeating is safe, but where one exists Lago overwrites it: read first."""
        body = {"external_id": without_blanks(external_id), "name": name, "email": email}
        if currency is not None:
            body["currency"] = currency
        began = time.monotonic()
        reply = self._post_customer(body)
        took = timedelta(seconds=time.monotonic() - began)
        customer = named(reply, "customer", Customer.of, external_id, sent=True)
        return CreatedCustomer(customer, existed=customer.created_at < _earliest(reply, took))

    def _post_customer(self, body: dict[str, Any]) -> Reply:
        try:
            return self._send("POST", "customers", "customer", body=body)
        except LagoError as error:
            if error.status != 422 or error.details != LOST_RACE:
                raise
        return self._send("POST", "customers", "customer", body=body)

    def delete_customer(self, external_id: str) -> Customer | None:
        """Delete a customer; None if there is none. Lago bills its live subscriptions: end them before."""
        path = f"customers/{path_id(external_id)}"
        if "." in external_id and not self._reaches_customer(path, external_id):
            return None
        try:
            reply = self._send("DELETE", path, "customer")
        except LagoError as error:
            if is_absent(error, "customer"):
                return None
            raise
        return named(reply, "customer", Customer.of, external_id, sent=True)

    def _reaches_customer(self, path: str, external_id: str) -> bool:
        """Prove that an address with a dot means this customer, for a proxy may cut it short."""
        if self._find_named(path, "customer", Customer.of, external_id):
            return True
        if self._search("customers", Customer.of, external_id):
            raise proxy_cuts_ids("customer")
        return False


def _by_id(customers: Iterable[Customer | None]) -> dict[str, Customer]:
    return {customer.external_id: customer for customer in customers if customer}


def _earliest(reply: Reply, took: timedelta) -> datetime:
    """Return the earliest `created_at` that a customer made by this call can have."""
    if reply.served_at:
        return reply.served_at - took - SERVER_SLACK
    return datetime.now(UTC) - took - LOCAL_SLACK

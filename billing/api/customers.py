"""Customers of Lago."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from threading import Lock

from billing.api.addresses import path_id, without_blanks
from billing.api.pages import spread
from billing.api.replies import Reply
from billing.api.resources import Resources, is_absent, named, unusable
from billing.api.transport import Transport
from billing.details import CONFIGURATION, is_connected
from billing.errors import LagoError, proxy_cuts_ids
from billing.shelf import OnlyOne, Shelf
from billing.values import (
    CONFIGURED,
    FURNITURE,
    NO_DETAILS,
    SAME_MOMENT,
    CreatedCustomer,
    Customer,
    Json,
)

# Two simultaneous POSTs for one new id: the loser is told this, and succeeds (as an update) the next time.
LOST_RACE = {"external_id": ["value_already_exist"]}
# What Lago says of how a customer is to be billed; `base` is of the payment provider.
CONFIGURING = frozenset([*CONFIGURED, "base"])
# It is set by further calls inside Lago, and moves the time of the last change.
SET_UP = timedelta(seconds=30)


class Newest:
    """The highest number that Lago gave to a customer of ours, shared by threads."""

    def __init__(self) -> None:
        self.number = 0
        self._lock = Lock()

    def note(self, number: int | None) -> None:
        with self._lock:
            self.number = max(self.number, number or 0)


class Customers(Resources):
    def __init__(self, transport: Transport, workers: int) -> None:
        super().__init__(transport, workers)
        self._newest = Newest()

    def customers(self) -> list[Customer]:
        return self._all("customers", Customer.of)

    def customer(self, external_id: str) -> Customer | None:
        path = f"customers/{path_id(external_id)}"
        if "." in external_id:
            return self._search("customers", Customer.of, external_id)
        return self._find_named(path, "customer", Customer.of, external_id)

    def customers_by_id(self, external_ids: Iterable[str]) -> Mapping[str, Customer]:
        """Return those of the customers that exist, with as few calls as possible.

        They are best gone through in the order in which they are asked for, as on a `Shelf`.
        """
        shelf = Shelf(Customer, external_ids)
        if len(shelf) < 2:
            return _by_id(map(self.customer, shelf))

        def keep(data: Json) -> Customer | None:
            return Customer.of(data) if data["external_id"] in shelf else None

        def put(customer: Customer) -> None:
            shelf.put((customer.external_id,), customer)

        first = self._page("customers", keep, ())
        found = _by_id(first.items.values())
        if first.total_pages - 1 <= len(shelf) - len(found):
            self._all("customers", keep, first=first, take=put)
            return OnlyOne(shelf.closed())
        left = [external_id for external_id in shelf if external_id not in found]
        return found | _by_id(spread(self.customer, left, self._workers))

    def create_customer(
        self,
        *,
        external_id: str,
        name: str,
        email: str,
        currency: str | None = None,
        details: Json = NO_DETAILS,
        tried: bool = False,
    ) -> CreatedCustomer:
        """Make a customer that a look did not find; repeating is safe, but Lago overwrites one that exists.

        Lago does not say whether it made or changed one, and no clock of ours or of a proxy is asked. It is
        somebody else's where that can be proven by what Lago itself says:

        - it was changed after it was made: a POST that makes one leaves the two times equal, and one that
          repeats ours, after a lost answer, changes nothing;
        - it has a value that we did not send;
        - its number is not above that of a customer whose making was answered before we asked for this one;
        - Lago refused our first try because another was making it.

        `tried`: an earlier process of ours asked for it and was not answered, and its call may have come
        after our look. Then it may be ours in spite of the last two. What none of these proves, we made: the
        look found nothing, and that we meant to make it was written down before we asked.

        `details` are other keys and values of the body. How a customer is billed Lago sets after it has made
        the customer, and may refuse it then: the customer is made without.
        """
        body = {"external_id": without_blanks(external_id), "name": name, "email": email, **details}
        if currency is not None:
            body["currency"] = currency
        newest = self._newest.number
        reply, lost_race = self._post_customer(body)
        customer = named(reply, "customer", Customer.of, external_id, sent=True)
        is_older = lost_race or (customer.sequential_id or newest + 1) <= newest
        self._newest.note(customer.sequential_id)
        was_changed = customer.changed_after(SET_UP if CONFIGURATION in body else SAME_MOMENT)
        existed = was_changed or _has_more(customer, body) or (is_older and not tried)
        return CreatedCustomer(customer, existed=existed, is_connected=is_connected(body, customer))

    def _post_customer(self, body: Json) -> tuple[Reply, bool]:
        """Return the answer, and whether somebody else made the customer at the same moment."""
        try:
            return self._send("POST", "customers", "customer", body=body), False
        except LagoError as error:
            if error.status != 422:
                raise
            if CONFIGURATION in body and _is_of_configuration(error):
                plain = {key: value for key, value in body.items() if key != CONFIGURATION}
                return self._send("POST", "customers", "customer", body=plain), False
            if error.details != LOST_RACE:
                raise
            is_first = error.tries == 1  # else a lost try of this very call may be the other
        return self._send("POST", "customers", "customer", body=body), is_first

    def blank_currency(self, customer: Customer) -> None:
        """Take its currency from a customer and change nothing else; raise LagoError if Lago does not.

        Fields that are not sent stay. Lago up to 1.51 refuses it (422) once the customer had a subscription.
        """
        body = {"external_id": customer.external_id, "currency": None}
        reply = self._send("POST", "customers", "customer", body=body)
        left = named(reply, "customer", Customer.of, customer.external_id, sent=True)
        if left.lago_id != customer.lago_id or left.currency is not None:
            raise unusable(reply, "customer", sent=True)

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


def _is_of_configuration(error: LagoError) -> bool:
    """Return whether Lago refused only how the customer is to be billed, after it had made the customer."""
    return bool(error.details) and error.details.keys() <= CONFIGURING


def _has_more(customer: Customer, sent: Json) -> bool:
    """Return whether it has a value that a customer does not have from being made with what was sent."""
    furnished = any(name in FURNITURE and name not in sent for name in customer.details)
    return furnished or (customer.currency is not None and "currency" not in sent)


def _by_id(customers: Iterable[Customer | None]) -> dict[str, Customer]:
    return {customer.external_id: customer for customer in customers if customer}

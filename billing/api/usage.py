"""What was metered and billed in Lago: events and invoices."""

from collections import Counter
from collections.abc import Callable, Collection
from datetime import UTC, datetime, timedelta
from functools import partial

from billing.api.addresses import path_id
from billing.api.pages import spread
from billing.api.resources import Resources, value, wire
from billing.values import BaseFee, Event, Invoice, Json, Subscription, instant_or_none, text, text_or_none

ONE_DAY = timedelta(days=1)


class Usage(Resources):
    def events_of(self, external_subscription_ids: Collection[str]) -> dict[str, int]:
        """Return how many usage events each subscription has, with as few calls as possible."""
        return self._tally("events", "external_subscription_id", _subscription_of, external_subscription_ids)

    def events(self, external_subscription_id: str, *, since: datetime | None = None) -> list[Event]:
        """Return the usage events of a subscription, newest first; with `since` those from then on."""
        params = [("external_subscription_id", external_subscription_id), *_from(since)]
        events = self._all("events", Event.of, params)
        return [event for event in events if event.external_subscription_id == external_subscription_id]

    def events_since(self, since: datetime) -> list[Event]:
        """Return the usage events of all subscriptions that were metered from then on, newest first."""
        return self._all("events", Event.of, _from(since))

    def event(self, transaction_id: str) -> Event | None:
        """Return the event of this transaction, whichever subscription it went to."""
        reply = self._find(f"events/{path_id(transaction_id)}", "event")
        return None if reply is None else Event.of(reply.body["event"])

    def invoices_of(self, external_customer_ids: Collection[str]) -> dict[str, int]:
        """Return how many invoices each customer has, with as few calls as possible."""
        return self._tally("invoices", "external_customer_id", _customer_of, external_customer_ids)

    def billed_until(self, ended: Collection[Subscription]) -> dict[str, datetime]:
        """Say until when these are billed, by customer; nothing of those without an invoice.

        An invoice's days are told only where it is read by itself: a call each, so ask of few.
        """

        def periods(subscription: Subscription) -> list[datetime]:
            ids = self._invoice_ids(subscription.external_customer_id)
            return [end for one in ids for end in self._period_ends(one, subscription.lago_id)]

        ends: dict[str, list[datetime]] = {}
        for subscription, found in zip(ended, spread(periods, ended, self._workers), strict=True):
            ends.setdefault(subscription.external_customer_id, []).extend(found)
        return {external_id: max(found) for external_id, found in ends.items() if found}

    def _invoice_ids(self, external_customer_id: str) -> list[str]:
        def keep(invoice: Json) -> str | None:
            counts = _customer_of(invoice) == external_customer_id and invoice.get("status") != "voided"
            return text(invoice, "lago_id") if counts else None

        return self._all("invoices", keep, [("external_customer_id", external_customer_id)])

    def _period_ends(self, invoice_id: str, subscription_id: str) -> list[datetime]:
        reply = self._find(f"invoices/{path_id(invoice_id)}", "invoice")
        if reply is None:
            return []
        return value(reply, "invoice", lambda invoice: _ends_of(invoice, subscription_id))

    def invoices_since(self, external_customer_ids: Collection[str], since: datetime) -> list[Invoice]:
        """Return the invoices that these customers got from then on, with as few calls as possible."""
        issued = [("issuing_date_from", (since.astimezone(UTC) - ONE_DAY).date().isoformat())]
        found = self._of_customers("invoices", Invoice.of, _customer_of, external_customer_ids, issued)
        return [invoice for invoice in found if invoice.created_at >= since]

    def base_fees_since(self, external_customer_ids: Collection[str], since: datetime) -> list[BaseFee]:
        """Return what these customers were charged for subscriptions themselves from then on."""
        made = [("fee_type", "subscription"), ("created_at_from", wire(since))]
        return self._of_customers("fees", BaseFee.of, _payer_of, external_customer_ids, made)

    def _tally(
        self, name: str, filter_by: str, owner: Callable[[Json], str | None], external_ids: Collection[str]
    ) -> dict[str, int]:
        wanted = sorted(set(external_ids))

        def count(external_id: str) -> int:
            return self._count(name, partial(_only, owner, {external_id}), [(filter_by, external_id)])

        if len(wanted) > 1:
            keep = partial(_only, owner, frozenset(wanted))
            first = self._page(name, keep, ())
            if first.total_pages - 1 <= len(wanted):
                tally = Counter(self._all(name, keep, first=first))
                return {external_id: tally[external_id] for external_id in wanted}
        return dict(zip(wanted, spread(count, wanted, self._workers), strict=True))


def _ends_of(invoice: Json, subscription_id: str) -> list[datetime]:
    periods = invoice.get("billing_periods") or ()
    ends = [
        instant_or_none(one, "subscription_to_datetime")
        for one in periods
        if one["lago_subscription_id"] == subscription_id
    ]
    return [end for end in ends if end]


def _from(since: datetime | None) -> list[tuple[str, str]]:
    if since is None:
        return []
    return [("timestamp_from", wire(since))]


def _only(owner: Callable[[Json], str | None], wanted: Collection[str], data: Json) -> str | None:
    external_id = owner(data)
    return external_id if external_id in wanted else None


def _subscription_of(event: Json) -> str | None:
    return text_or_none(event, "external_subscription_id")


def _customer_of(invoice: Json) -> str:
    return text(invoice["customer"], "external_id")


def _payer_of(fee: Json) -> str | None:
    return text_or_none(fee, "external_customer_id")

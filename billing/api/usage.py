"""What was metered and billed in Lago: events and invoices."""

from collections import Counter
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from functools import partial

from billing.api.addresses import path_id
from billing.api.pages import spread
from billing.api.resources import Resources
from billing.values import Event, Json, text, text_or_none


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


def _from(since: datetime | None) -> list[tuple[str, str]]:
    if since is None:
        return []
    return [("timestamp_from", since.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"))]


def _only(owner: Callable[[Json], str | None], wanted: Collection[str], data: Json) -> str | None:
    external_id = owner(data)
    return external_id if external_id in wanted else None


def _subscription_of(event: Json) -> str | None:
    return text_or_none(event, "external_subscription_id")


def _customer_of(invoice: Json) -> str:
    return text(invoice["customer"], "external_id")

"""Which Lago this is and what it offers: version, organization, billing entities, plans, metrics."""

import re
from collections.abc import Iterable

from billing.api.addresses import path_id
from billing.api.narrowing import TWICE, is_broken
from billing.api.pages import Window, spread
from billing.api.resources import Resources, another, value
from billing.errors import LagoError
from billing.values import BillingEntity, Greeting, Metric, Organization, Plan, WebhookEndpoint

LISTS = ("customers", "subscriptions", "plans", "billing_entities", "billable_metrics", "events")
FORBIDDEN = 403
PLACES = [1 << power for power in range(20)]  # of subscriptions: Lago may not be able to show the newest
SKIP_SINCE = (1, 32)
RELEASE = re.compile(r"v?(\d{1,3})\.(\d{1,4})(\.\d+)?([-+].*)?")


class Installation(Resources):
    def version(self) -> str | None:
        """Return what Lago says of itself ("v1.51.0", or a date), None where that is not exposed."""
        try:
            reply = self._transport.send("GET", "health", "version", tries=2)
        except LagoError as error:
            if error.status is None:
                raise
            return None
        version = reply.body["version"]
        return version if isinstance(version, str) and version.isprintable() and len(version) < 50 else None

    def organization(self, *, tries: int | None = None) -> Organization:
        return self.greeting(tries=tries).organization

    def greeting(self, *, tries: int | None = None) -> Greeting:
        """Return the organization, and what the answer says besides: its time, and how fast we may call."""
        reply = self._send("GET", "organizations", "organization", tries=tries)
        organization = value(reply, "organization", Organization.of)
        return Greeting(organization, reply.served_at, reply.rate_per_s)

    def billing_entities(self) -> list[BillingEntity]:
        reply = self._send("GET", "billing_entities", "billing_entities")
        return value(reply, "billing_entities", lambda found: [BillingEntity.of(data) for data in found])

    def plans(self) -> dict[str, Plan]:
        """Return the plans by their exact code, those about to be deleted included."""
        return {plan.code: plan for plan in self._all("plans", Plan.of)}

    def plan(self, code: str) -> Plan | None:
        """Read one plan with its fixed charges; a Lago that does not know such charges has none."""
        reply = self._find(f"plans/{path_id(code)}", "plan")
        if reply is None:
            return None
        found = value(reply, "plan", lambda data: Plan.of({"fixed_charges": [], **data}))
        if found.code != code:
            raise another(reply, "plan")
        return found

    def plans_in_full(self, codes: Iterable[str]) -> dict[str, Plan]:
        """Read some plans with their fixed charges, a call each; one that is not there is left out."""
        found = spread(self.plan, sorted(codes), self._workers)
        return {plan.code: plan for plan in found if plan}

    def billable_metric(self, code: str) -> Metric | None:
        reply = self._find(f"billable_metrics/{path_id(code)}", "billable_metric")
        return None if reply is None else value(reply, "billable_metric", Metric.of)

    def webhook_endpoints(self) -> list[WebhookEndpoint]:
        return self._all("webhook_endpoints", WebhookEndpoint.of)

    def subscription_fields(self) -> frozenset[str] | None:
        """Name the fields that this Lago gives a subscription; None where it has none that it can show."""
        params = [("status[]", status) for status in ("active", "pending", "terminated", "canceled")]
        for place in PLACES:
            try:
                tries = None if place == 1 else TWICE
                page = self._page("subscriptions", frozenset, params, Window(place, 1), tries)
            except LagoError as error:
                if not is_broken(error):
                    raise
                continue
            return next(iter(page.items.values()), None)
        return None

    def refused_lists(self) -> list[str]:
        """Name what the key may not read, of all that is read here. What it may write only a write shows."""
        return [name for name in LISTS if self._is_refused(name)]

    def _is_refused(self, name: str) -> bool:
        try:
            self._send("GET", name, name, params=[("page", "1"), ("per_page", "1")])
        except LagoError as error:
            if (
                not is_broken(error) and error.status != FORBIDDEN
            ):  # a record that it cannot show is no refusal
                raise
            return error.status == FORBIDDEN
        return False


def supports_skip(version: str | None) -> bool | None:
    """Return whether this Lago can end a subscription without billing; None if the version does not tell."""
    release = RELEASE.fullmatch(version or "")
    return (int(release[1]), int(release[2])) >= SKIP_SINCE if release else None

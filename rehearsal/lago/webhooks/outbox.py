"""What happened and is to be told, and to whom. Nothing is kept while nobody wants to hear of it."""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime

from rehearsal.lago.tables import Customer, Subscription, Wallet, new_id


@dataclass(slots=True)
class WebhookEndpoint:
    """`event_types` None asks for all of them."""

    webhook_url: str
    signature_algo: str
    created_at: datetime
    name: str | None = None
    event_types: list[str] | None = None
    lago_id: str = field(default_factory=new_id)

    def wants(self, webhook_type: str) -> bool:
        return self.event_types is None or bool({webhook_type, "*"} & set(self.event_types))


@dataclass(frozen=True, slots=True)
class Happening:
    """The row is told as it is when the webhook leaves, not as it was then: so does Lago."""

    webhook_type: str
    row: Customer | Subscription | Wallet

    @property
    def key(self) -> str:
        """Name the row as its owner does; a wallet by the name that it was given."""
        return (self.row.name or "") if isinstance(self.row, Wallet) else self.row.external_id


@dataclass(slots=True)
class Delivery:
    """One webhook to one endpoint. `status` is None while, or because, there is no answer."""

    webhook_type: str
    external_id: str
    webhook_url: str
    attempts: int = 0
    status: int | None = None
    is_over: bool = False


class Webhooks:
    """The endpoints of the organization, what waits to be told and what became of it."""

    def __init__(self) -> None:
        self.endpoints: list[WebhookEndpoint] = []
        self.waiting: deque[Happening] = deque()
        self.deliveries: list[Delivery] = []
        self.held = False
        self.hmac_key = new_id()
        self.wake: Callable[[], None] = lambda: None

    def add(self, urls: Iterable[str], now: datetime) -> None:
        """Tell these addresses, too, of all that happens."""
        known = {endpoint.webhook_url for endpoint in self.endpoints}
        self.endpoints += [WebhookEndpoint(url, "jwt", now) for url in urls if url not in known]

    def tell(self, webhook_type: str, row: Customer | Subscription | Wallet) -> None:
        if any(endpoint.wants(webhook_type) for endpoint in self.endpoints):
            self.waiting.append(Happening(webhook_type, row))
            self.wake()

    def release(self) -> None:
        self.held = False
        self.wake()

    def forget(self) -> None:
        """Drop what waits and what was; the endpoints stay, as the organization does."""
        self.waiting.clear()
        self.deliveries.clear()
        self.held = False

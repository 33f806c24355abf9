"""Deliver webhooks beside the API's own work: several at a time, as Lago's background workers do."""

import asyncio
import json
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any
from uuid import uuid4

import requests

from rehearsal.lago.customers.views import full_json as customer_json
from rehearsal.lago.prepaid.wallet_views import wallet_json
from rehearsal.lago.subscriptions.views import full_json as subscription_json
from rehearsal.lago.tables import Customer, Wallet
from rehearsal.lago.webhooks.outbox import Delivery, Happening, WebhookEndpoint
from rehearsal.lago.webhooks.signature import signed
from rehearsal.lago.world import World

WORKERS = 4
ATTEMPTS = 3
RETRY_S = 0.2
TIMEOUT_S = 30.0


class Courier:
    """Take what waits as soon as it waits, unless webhooks are held."""

    def __init__(self, world: Callable[[], World], issuer: Callable[[], str]) -> None:
        self._world = world
        self._issuer = issuer
        self._tasks: set[asyncio.Task[None]] = set()

    async def go_on(self) -> None:
        ring = asyncio.Event()
        webhooks = self._world().webhooks
        webhooks.wake = ring.set
        pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="lago-webhooks")
        try:
            while True:
                while webhooks.waiting and not webhooks.held:
                    for errand in self._errands(webhooks.waiting.popleft()):
                        self._set_out(self._deliver(pool, *errand))
                await ring.wait()
                ring.clear()
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            pool.shutdown(wait=False, cancel_futures=True)

    def _set_out(self, delivering: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(delivering)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _errands(self, happening: Happening) -> Iterator[tuple[WebhookEndpoint, Delivery, str]]:
        """Give what goes to whom, with the row as it is now."""
        world = self._world()
        body = _body(world, happening)
        for endpoint in world.webhooks.endpoints:
            if endpoint.wants(happening.webhook_type):
                delivery = Delivery(happening.webhook_type, happening.key, endpoint.webhook_url)
                world.webhooks.deliveries.append(delivery)
                yield endpoint, delivery, body

    async def _deliver(
        self, pool: ThreadPoolExecutor, endpoint: WebhookEndpoint, delivery: Delivery, body: str
    ) -> None:
        """Try until the other side has taken it, a few times."""
        loop, unique_key = asyncio.get_running_loop(), str(uuid4())
        post = partial(self._post, endpoint, body, unique_key)
        try:
            for attempt in range(ATTEMPTS):
                await asyncio.sleep(RETRY_S if attempt else 0)
                delivery.attempts += 1
                delivery.status = await loop.run_in_executor(pool, post)
                if delivery.status is not None and delivery.status < 300:
                    break
        finally:
            delivery.is_over = True

    def _post(self, endpoint: WebhookEndpoint, body: str, unique_key: str) -> int | None:
        """Make the call, once, and return its status, None without an answer."""
        hmac_key = self._world().webhooks.hmac_key
        signature = signed(endpoint.signature_algo, body, issuer=self._issuer(), hmac_key=hmac_key)
        headers = {
            "Content-Type": "application/json",
            "X-Lago-Signature": signature,
            "X-Lago-Signature-Algorithm": endpoint.signature_algo,
            "X-Lago-Unique-Key": unique_key,
        }
        try:
            return requests.post(
                endpoint.webhook_url, body.encode(), headers=headers, timeout=TIMEOUT_S
            ).status_code
        except requests.RequestException:
            return None


def _body(world: World, happening: Happening) -> str:
    row = happening.row
    if isinstance(row, Customer):
        kind, told = "customer", customer_json(world, row)
    elif isinstance(row, Wallet):
        kind, told = "wallet", wallet_json(world, row)
    else:
        kind = "subscription"
        told = {**subscription_json(world, row), "customer": customer_json(world, world.customer_of(row))}
    payload = {
        "webhook_type": happening.webhook_type,
        "object_type": kind,
        "organization_id": world.organization.lago_id,
        kind: told,
    }
    return json.dumps(payload, separators=(",", ":"))

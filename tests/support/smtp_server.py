"""A real SMTP server on a real port, which can refuse and hang up."""

import asyncio
import re
import socket
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from email import message_from_bytes, policy
from email.message import EmailMessage
from threading import Lock
from weakref import WeakSet

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session


@dataclass(frozen=True, slots=True)
class Received:
    at: float  # monotonic
    to: str
    content: bytes

    @property
    def message(self) -> EmailMessage:
        message = message_from_bytes(self.content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        return message

    def part(self, kind: str) -> str:
        body = self.message.get_body((kind,))
        assert body is not None
        return str(body.get_content())

    @property
    def link(self) -> str:
        found = re.search(r"https?://\S+/(?:sign-in/link/|auth/verify\?)\S+", self.part("plain"))
        assert found is not None
        return found.group()


@dataclass
class Inbox:
    """What arrived, and how the server is to behave."""

    received: list[Received] = field(default_factory=list)
    refuse_recipients: dict[str, str] = field(default_factory=dict)  # address → reply
    refuse_all: str = ""  # reply to MAIL FROM
    refuse_content: str = ""  # reply to DATA
    hang_up_on: set[str] = field(default_factory=set)  # in the middle of DATA, once each
    hang_up_after: int = 0  # mails per connection, before the next MAIL FROM
    connections: int = 0
    handed_over: list["Received"] = field(
        default_factory=list
    )  # accepted or not: who sends may hang up before
    # Called with a mail in hand, before it is accepted.
    on_data: Callable[[str], object] = lambda address: None
    _lock: Lock = field(default_factory=Lock)

    async def handle_EHLO(
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        session.mails = 0  # type: ignore[attr-defined]
        self.connections += 1
        return responses

    async def handle_MAIL(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.hang_up_after and session.mails >= self.hang_up_after:  # type: ignore[attr-defined]
            server.transport.abort()
        if self.refuse_all:
            return self.refuse_all
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in self.refuse_recipients:
            return self.refuse_recipients[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        address = envelope.rcpt_tos[0]
        if address in self.hang_up_on:
            self.hang_up_on.discard(address)
            server.transport.abort()
            return "451 gone"
        if self.refuse_content:
            return self.refuse_content
        content = envelope.content if isinstance(envelope.content, bytes) else b""
        mail = Received(time.monotonic(), address, content)
        with self._lock:
            self.handed_over.append(mail)
        await asyncio.to_thread(self.on_data, address)
        with self._lock:
            self.received.append(replace(mail, at=time.monotonic()))
        session.mails += 1  # type: ignore[attr-defined]
        return "250 OK"

    @property
    def recipients(self) -> Counter[str]:
        return Counter(mail.to for mail in self.received)

    def pauses(self, batch_size: int) -> list[float]:
        """Return the seconds between the last mail of each batch and the first of the next."""
        times = [mail.at for mail in self.received]
        return [times[i] - times[i - 1] for i in range(batch_size, len(times), batch_size)]

    def bursts(self, delay_s: float) -> list[int]:
        """Return how many mails came between one pause of at least the delay and the next."""
        sizes, last = [0], None
        for mail in self.received:
            if last is not None and mail.at - last >= delay_s:
                sizes.append(0)
            sizes[-1] += 1
            last = mail.at
        return sizes


class _Controller(Controller):
    """Knows whom it serves."""

    def __init__(self, *args: object, **options: object) -> None:
        self.servers: WeakSet[SMTP] = WeakSet()
        super().__init__(*args, **options)

    def factory(self) -> SMTP:
        server: SMTP = super().factory()
        self.servers.add(server)
        return server


class MailServer:
    """Runs while it is entered; `url` is what EMAIL_URL has to be."""

    def __init__(self, **smtp: object) -> None:
        self.inbox = Inbox()
        self.port = _free_port()
        self._controller = _Controller(self.inbox, hostname="127.0.0.1", port=self.port, **smtp)

    def __enter__(self) -> "MailServer":
        self._controller.start()
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._hang_up(), self._controller.loop).result(timeout=10)
        self._controller.stop()

    async def _hang_up(self) -> None:
        """Close what is still open. Left to the garbage collector, it complains in another test."""
        for listening in self._controller.server.sockets:  # asyncio would forget, open, whom it just accepted
            asyncio.get_running_loop().remove_reader(listening.fileno())
        await self._turns()
        for server in self._controller.servers:
            if server.transport is not None:
                server.transport.abort()
        await self._turns()

    async def _turns(self) -> None:
        for _ in range(5):
            await asyncio.sleep(0)

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"


def _free_port() -> int:
    """The controller cannot be given port 0: it would try to greet itself there."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])

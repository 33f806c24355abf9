"""An SMTP server that answers what it is told to, at every point of the talk, from the greeting on."""

import socketserver
import ssl
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

EXTENSIONS = ("AUTH PLAIN LOGIN",)
GOOD = {
    "": "220 here", "MAIL": "250 ok", "RCPT": "250 ok", "DATA": "354 go on", ".": "250 taken",
    "AUTH": "235 in", "STARTTLS": "220 go on", "NOOP": "250 ok", "RSET": "250 ok", "QUIT": "221 bye",
}  # fmt: skip


@dataclass
class Script:
    """Replies by verb ("": the greeting, ".": to a whole mail), what it offers, and how long a mail takes."""

    replies: Mapping[str, str] = field(default_factory=dict)
    offers: tuple[str, ...] = EXTENSIONS
    data_takes_s: float = 0
    tls: ssl.SSLContext | None = None  # from the first byte on
    starttls: ssl.SSLContext | None = None
    is_silent: bool = False
    seen: list[str] = field(default_factory=list)

    def reply(self, verb: str) -> str:
        return self.replies.get(verb, GOOD.get(verb, "502 what?"))


class ScriptedServer(socketserver.ThreadingTCPServer):
    """Runs while it is entered, on a free port."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, script: Script) -> None:
        super().__init__(("127.0.0.1", 0), _Conversation)
        self.script = script
        self.port = int(self.server_address[1])

    def __enter__(self) -> "ScriptedServer":
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is what these tests are about."""


class _Conversation(socketserver.BaseRequestHandler):
    server: ScriptedServer

    def handle(self) -> None:
        script = self.server.script
        if script.tls is not None:
            self.request = script.tls.wrap_socket(self.request, server_side=True)
        if script.is_silent:
            self.request.recv(1)
            return
        self.lines = self.request.makefile("rb")
        if not self._say(script.reply("")):
            return
        while line := self.lines.readline().decode().strip():
            verb = line.split(" ")[0].upper()
            script.seen.append(line)
            if verb in ("EHLO", "HELO"):
                self._say("\r\n".join([*(f"250-{one}" for one in ("here", *script.offers)), "250 HELP"]))
            elif not self._answer(script, verb):
                return

    def _answer(self, script: Script, verb: str) -> bool:
        if not self._say(script.reply(verb)):
            return verb != "QUIT" and not script.reply(verb).startswith("421")
        if verb == "DATA":
            while self.lines.readline() not in (b".\r\n", b""):
                pass
            time.sleep(script.data_takes_s)
            self._say(script.reply("."))
        if verb == "STARTTLS" and script.starttls is not None:
            self.request = script.starttls.wrap_socket(self.request, server_side=True)
            self.lines = self.request.makefile("rb")
        return verb != "QUIT"

    def _say(self, reply: str) -> bool:
        self.request.sendall(f"{reply}\r\n".encode())
        return reply[0] in "23"

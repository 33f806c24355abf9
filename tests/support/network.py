"""Machines that share no network but one switch: namespaces of this kernel, each with a cable to pull."""

import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from select import select
from typing import Self

ADDRESS = "10.231.{}.{}"
READ = 65_536


def may_be_made() -> bool:
    """Return whether this user and this kernel can make one."""
    if os.geteuid() or not shutil.which("ip"):
        return False
    name = f"pb{os.getpid()}probe"
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True).returncode == 0
    if made:
        subprocess.run(["ip", "netns", "delete", name], check=True)
    return made


class Network:
    """A switch. What listens here and is `passed_on` can be reached from every machine that has joined."""

    def __init__(self) -> None:
        self._number = os.getpid() % 200 + 1
        self._switch = f"pb{os.getpid() % 100_000}s"
        self._machines: list[str] = []
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self.address = ADDRESS.format(self._number, 1)

    def __enter__(self) -> Self:
        _ip("link", "add", self._switch, "type", "bridge")
        _ip("address", "add", f"{self.address}/24", "dev", self._switch)
        _ip("link", "set", self._switch, "up")
        return self

    def __exit__(self, *exc: object) -> None:
        for one in self._open:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)
        for machine in self._machines:
            _ip("link", "delete", f"{machine}h")
            _ip("netns", "delete", machine)
        _ip("link", "delete", self._switch)

    def join(self) -> Sequence[str]:
        """Connect a further machine; return how a command is begun on it."""
        place = len(self._machines) + 2
        machine, here, there = (f"{self._switch}{place}{end}" for end in ("", "h", "t"))
        _ip("netns", "add", machine)
        self._machines.append(machine)
        _ip("link", "add", here, "type", "veth", "peer", "name", there, "netns", machine)
        _ip("link", "set", here, "master", self._switch, "up")
        address = f"{ADDRESS.format(self._number, place)}/24"
        _ip("-n", machine, "address", "add", address, "dev", there)
        for device in (there, "lo"):
            _ip("-n", machine, "link", "set", device, "up")
        return "ip", "netns", "exec", machine

    def cut(self, place: int) -> None:
        """Pull the cable of a machine, the first being 0: nothing says that it is gone."""
        _ip("link", "set", f"{self._machines[place]}h", "down")

    def mend(self, place: int) -> None:
        _ip("link", "set", f"{self._machines[place]}h", "up")

    def passed_on(self, to: tuple[str, int] | str) -> int:
        """Pass on what comes in at a port of the switch to an address or a socket file; return the port."""
        listening = socket.create_server((self.address, 0))
        self._open.append(listening)
        self._begin(self._serve, listening, to)
        return int(listening.getsockname()[1])

    def _serve(self, listening: socket.socket, to: tuple[str, int] | str) -> None:
        with listening, suppress(OSError):
            while True:
                client, _ = listening.accept()
                server = socket.socket(socket.AF_UNIX if isinstance(to, str) else socket.AF_INET)
                server.connect(to)
                self._open += [client, server]
                self._begin(_pass_on, client, server)

    def _begin(self, work: Callable[..., None], *given: object) -> None:
        thread = threading.Thread(target=work, args=given, daemon=True)
        self._threads.append(thread)
        thread.start()


def _pass_on(client: socket.socket, server: socket.socket) -> None:
    with client, server, suppress(OSError):
        while True:
            for one in select([client, server], [], [])[0]:
                received = one.recv(READ)
                if not received:
                    return
                (server if one is client else client).sendall(received)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)

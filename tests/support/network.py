"""Machines that share no network but one switch: namespaces of this kernel, each with a cable to pull."""

import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Sequence
from contextlib import suppress
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
        self._listening: list[socket.socket] = []
        self.address = ADDRESS.format(self._number, 1)

    def __enter__(self) -> Self:
        _ip("link", "add", self._switch, "type", "bridge")
        _ip("address", "add", f"{self.address}/24", "dev", self._switch)
        _ip("link", "set", self._switch, "up")
        return self

    def __exit__(self, *exc: object) -> None:
        for listening in self._listening:
            listening.close()
        for machine in self._machines:
            _ip("netns", "delete", machine)  # with its end of the cable
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
        self._listening.append(listening)
        threading.Thread(target=_serve, args=(listening, to), daemon=True).start()
        return int(listening.getsockname()[1])


def _serve(listening: socket.socket, to: tuple[str, int] | str) -> None:
    with suppress(OSError):
        while True:
            client, _ = listening.accept()
            server = socket.socket(socket.AF_UNIX if isinstance(to, str) else socket.AF_INET)
            server.connect(to)
            for one, other in ((client, server), (server, client)):
                threading.Thread(target=_pass_on, args=(one, other), daemon=True).start()


def _pass_on(one: socket.socket, other: socket.socket) -> None:
    with suppress(OSError):
        while received := one.recv(READ):
            other.sendall(received)
    with suppress(OSError):
        other.shutdown(socket.SHUT_RDWR)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)

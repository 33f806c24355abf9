"""A real Redis on a port of its own, which can be killed and started again. It keeps nothing."""

import socket
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

from redis import Redis
from redis.exceptions import RedisError

from tests.support.processes import wait_for
from tests.support.programs import needed

PASSWORD = "hunter2-of-the-queue"


class RedisServer:
    def __init__(self, folder: Path) -> None:
        self._program = needed("redis-server", "redis-server")
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]

    @property
    def url(self) -> str:
        return f"redis://:{PASSWORD}@127.0.0.1:{self.port}/0"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.kill()

    def start(self) -> None:
        options = {"port": self.port, "requirepass": PASSWORD, "bind": "127.0.0.1", "appendonly": "no"}
        told = [word for name, value in options.items() for word in (f"--{name}", str(value))]
        with (self._folder / "redis.log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._program, *told, "--save", ""], cwd=self._folder, stdout=log, stderr=log
            )
        wait_for(self._answers)

    def kill(self) -> None:
        """End it as a machine that loses power does: what waited in it is forgotten."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def waiting(self) -> int:
        """Count the tasks that nobody has taken."""
        with Redis.from_url(self.url) as client:
            return int(client.llen("django_q:polaris:q"))

    def _answers(self) -> bool:
        try:
            with Redis.from_url(self.url) as client:
                return bool(client.ping())
        except RedisError:
            return False

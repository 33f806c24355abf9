"""The background jobs that a call leaves behind: run at once, or held until released."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Job:
    name: str
    subject: str
    run: Callable[[], None]


class Jobs:
    def __init__(self) -> None:
        self.held = False
        self._waiting: deque[Job] = deque()

    def enqueue(self, job: Job) -> None:
        self._waiting.append(job)
        if not self.held:
            self.run()

    def run(self) -> int:
        """Run what waits, oldest first, and return how many ran; later jobs are still held."""
        ran = 0
        while self._waiting:
            self._waiting.popleft().run()
            ran += 1
        return ran

    def waiting(self) -> list[Job]:
        return list(self._waiting)

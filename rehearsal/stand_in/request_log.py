"""The log of requests: what was asked, how it was answered, and how often."""

from collections import Counter, deque
from dataclasses import dataclass

from rehearsal.stand_in.messages import Json

KEPT = 200_000  # entries; the counters go on beyond


@dataclass(slots=True)
class Entry:
    """`name` is what the counters call it, "/customers/:id" for example.

    `status` stays None while, or because, no answer was given.
    """

    number: int
    method: str
    path: str
    name: str
    status: int | None = None
    fault: str | None = None


class RequestLog:
    def __init__(self) -> None:
        self.entries: deque[Entry] = deque(maxlen=KEPT)
        self.counts: Counter[str] = Counter()
        self.total = 0
        self.in_flight = 0
        self.most_in_flight = 0

    def open(self, method: str, path: str, name: str) -> Entry:
        self.total += 1
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        self.counts[f"{method} {name}"] += 1
        entry = Entry(self.total, method, path, name)
        self.entries.append(entry)
        return entry

    def close(self) -> None:
        self.in_flight -= 1

    def reset(self) -> None:
        """Forget what was; requests still in flight remain counted as such."""
        self.entries.clear()
        self.counts.clear()
        self.total = 0
        self.most_in_flight = self.in_flight

    def json(self) -> Json:
        entries = [
            {"n": e.number, "method": e.method, "path": e.path, "status": e.status, "fault": e.fault}
            for e in self.entries
        ]
        return {
            "total": self.total,
            "most_in_flight": self.most_in_flight,
            "counts": dict(sorted(self.counts.items())),
            "requests": entries,
        }

"""How a page follows what is under way: whether it asks again by itself, and what keeps that from moving.

Every such page asks its own address, with a header that makes the answer the part that is followed and no
frame. What the browser says by itself of a lost connection or session has its place beside what is said here.
"""

from dataclasses import dataclass

from django.http import HttpRequest

from customers import queueing
from customers.models import RunJob, WorkerBeat

HEADER = "X-Follow"  # with the stamp of what the browser shows
PAGE, PART = "admin/customers/console.html", "admin/customers/part.html"


@dataclass(frozen=True, slots=True)
class Following:
    """`told` is for those who listen, in a word or two; `is_paused`: its worker died, the next one goes on.

    `stamp` says what the costly part of a page goes by: that part is left out of an answer while it stays.
    """

    is_live: bool
    told: str = ""
    is_paused: bool = False
    stamp: str = "-"

    @property
    def needs_worker(self) -> bool:
        return self.is_live and not WorkerBeat.is_fresh()

    @property
    def waits_for_queue(self) -> bool:
        """Ask the queue, where something is under way: it may be away while the worker lives."""
        return self.is_live and not queueing.answers()


def following_job(job: RunJob | None) -> Following:
    return Following(not job.is_over, f"It is {job.status}.") if job else Following(False)


def is_followed(request: HttpRequest) -> bool:
    return HEADER in request.headers


def has_seen(request: HttpRequest, following: Following) -> bool:
    """Return whether the browser shows the costly part as it is."""
    return request.headers.get(HEADER) == following.stamp

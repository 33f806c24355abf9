"""HTTP to SteVe: one function makes one try, another holds the policy of trying again."""

import time
from collections import deque
from collections.abc import Callable, Mapping
from datetime import datetime
from statistics import median
from typing import Any

import requests
from tenacity import wait_random_exponential

from charging import errors, replies
from charging.errors import SteveError, unexpected
from charging.health import Health
from charging.login import Login, normalised
from kernel import http
from kernel.deadline import Deadline
from kernel.tally import Tally

__all__ = ["SteveError", "Wire"]

CONNECT_TIMEOUT_S = 5.0
LONGEST_WAIT_S = 8.0
# SteVe looks through all its idTags at each call about one of them, one call at a time where it has one
# processor: measured as 0.018 ms for each idTag.
PER_ID_TAG_S = 0.00002
HARMLESS_PART = 0.5  # of the time-out, for the call that only asks whether SteVe works
REMEMBERED_CALLS = 25

Params = Mapping[str, Any] | None


class Wire:
    """Make calls and give back their JSON. Safe to share between threads; keeps its connections.

    A call is made again after a lost connection, a time-out, a 5xx and an answer that is not SteVe's, never
    after a refusal. That is safe for writes too: an idTag is unique, a PUT gives the same, a DELETE is final.

    `harmless` is the path and the query of a list that costs little, changes nothing and is about nothing.
    After a time-out and after a 500 it is read, to tell SteVe's own fault from that of the call: SteVe
    answers 500 to many a fault of the caller's. With `tries=1` it is not: who tries once has little time, of
    its own choice.
    """

    def __init__(
        self,
        base_url: str,
        login: Login,
        harmless: tuple[str, Params],
        *,
        timeout_s: float,
        tries: int,
        backoff_s: float,
        sleep: Callable[[float], None],
        pool_size: int,
        clock: Callable[[], float] = time.monotonic,
        deadline: Deadline | None = None,
    ) -> None:
        self.url = normalised(base_url)
        self._harmless = harmless
        self._base_timeout_s = timeout_s
        self._per_id_tag_s = pool_size * PER_ID_TAG_S
        self._id_tags = 0
        self._tries = tries
        self._wait = wait_random_exponential(multiplier=backoff_s, max=LONGEST_WAIT_S)
        self._sleep = sleep
        self.served_at: datetime | None = None  # by the last answer's `Date`
        self._took_s: deque[float] = deque(maxlen=REMEMBERED_CALLS)
        self._health = Health(self.ask, clock=clock)
        self._session = http.session(login, pool_size, self.url, deadline)
        self.tally = Tally()

    def close(self) -> None:
        self._session.close()

    # --- What it costs -------------------------------------------------------------------------------

    def learn(self, id_tags: int) -> None:
        """Take in how many idTags there are: calls are given the longer."""
        self._id_tags = id_tags

    @property
    def timeout_s(self) -> float:
        """Return how long a call may take."""
        return self._base_timeout_s + self._per_id_tag_s * self._id_tags

    @property
    def call_s(self) -> float | None:
        """Return the median of how long the last calls about one idTag took; None before the first."""
        took_s = tuple(self._took_s)
        return median(took_s) if took_s else None

    # --- Calls ---------------------------------------------------------------------------------------

    def ask(self) -> None:
        """Make the harmless call; raise SteveError. What does not answer in time is not asked again."""
        self._until_answered(self._ask_once, repeatable=lambda error: error.repeatable and not error.is_late)

    def _ask_once(self) -> None:
        path, params = self._harmless
        timeout_s = self.timeout_s * HARMLESS_PART  # the message names what is set, which is twice that
        answer = self._try("GET", path, params, None, timeout_s=timeout_s, about_one=True)
        if not isinstance(answer, list):
            raise unexpected(f"GET {path}", "no list")

    def call(
        self,
        method: str,
        path: str,
        params: Params = None,
        body: Mapping[str, Any] | None = None,
        *,
        about_one: bool = False,
    ) -> Any:
        """Return the JSON of the answer, None for an empty one; raise SteveError."""
        self._health.check()
        diagnose = Diagnosis(self._health, f"{method} {path}", write=method != "GET")

        def attempt() -> Any:
            try:
                return self._try(method, path, params, body, timeout_s=self.timeout_s, about_one=about_one)
            except SteveError as error:
                if self._tries == 1:
                    raise
                raise diagnose(error) from None

        return self._until_answered(attempt, repeatable=lambda error: error.repeatable)

    def _until_answered(self, attempt: Callable[[], Any], *, repeatable: Callable[[SteveError], bool]) -> Any:
        return http.until_answered(
            attempt, tries=self._tries, wait=self._wait, sleep=self._sleep, repeatable=repeatable
        )

    def _try(
        self,
        method: str,
        path: str,
        params: Params,
        body: Mapping[str, Any] | None,
        *,
        timeout_s: float,
        about_one: bool,
    ) -> Any:
        what, write = f"{method} {path}", method != "GET"
        with self.tally.one():
            try:
                response = self._session.request(
                    method,
                    f"{self.url}/api{path}",
                    params=params,
                    json=body,
                    timeout=(min(CONNECT_TIMEOUT_S, timeout_s), timeout_s),
                    allow_redirects=False,  # credentials go nowhere else
                )
            except requests.RequestException as failure:
                raise replies.lost(
                    what, self.url, failure, timeout_s, write=write, settable=self._tries > 1
                ) from None
            self.served_at = http.http_date(response.headers.get("Date", ""))
            answer = replies.judge(what, response, write=write)
        if about_one:
            self._took_s.append(response.elapsed.total_seconds())
        return answer


class Diagnosis:
    """What the failures of one call mean. At the first doubtful one SteVe is asked whether it works."""

    def __init__(self, health: Health, what: str, *, write: bool) -> None:
        self._health, self._what, self._write = health, what, write
        self._was_well = False

    def __call__(self, error: SteveError) -> SteveError:
        if not error.is_doubtful:
            return error
        if self._was_well:
            # A deadlock in SteVe's database passes, which the second try has shown this not to be.
            ours = self._write and error.status is not None
            return errors.failed_at_this(self._what, error.status) if ours else error
        self._was_well = self._health.is_well()
        if self._was_well and self._write and error.is_late:
            error.repeatable = False  # it would only wait as long again; the next run looks what became of it
        return error if self._was_well else errors.away(error)

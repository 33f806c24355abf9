"""HTTP to Lago: one try, the policy around it, and nothing about what is asked."""

import json
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, cast
from urllib.parse import quote_plus

import requests
from requests.auth import AuthBase
from requests.structures import CaseInsensitiveDict
from tenacity import RetryCallState, wait_exponential_jitter

from billing.api.addresses import checked_key, normalised
from billing.api.replies import MAX_BODY, Reply, judge, lost, retry_after
from billing.errors import LagoError
from kernel import http
from kernel.deadline import Deadline
from kernel.exchange import Answer
from kernel.pace import Limiter, RateLimiter
from kernel.tally import Tally

MAX_BACKOFF_S = 8.0

Params = Sequence[tuple[str, str]]


class Bearer(AuthBase):
    """Sets the key on each request: not as a plain header, which requests lets a ~/.netrc overrule."""

    def __init__(self, key: str) -> None:
        self._key = key

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._key}"
        return request


class Transport:
    """Sends requests to one Lago with one key; safe to share between threads. `tally` counts HTTP tries."""

    def __init__(
        self,
        url: str,
        key: str,
        *,
        rate_per_s: float,
        pool_size: int,
        timeout_s: float,
        tries: int,
        sleep: Callable[[float], None],
        backoff_s: float,
        deadline: Deadline | None = None,
        limiter: Limiter | None = None,
    ) -> None:
        self.url = normalised(url)
        self.tally = Tally()
        self._timeout_s = timeout_s
        self._tries = tries
        self._sleep = sleep
        self._backoff = wait_exponential_jitter(multiplier=backoff_s, max=MAX_BACKOFF_S, jitter=backoff_s)
        self._limiter: Limiter = limiter or RateLimiter(rate_per_s, burst=pool_size, sleep=sleep)
        self._session = http.session(Bearer(checked_key(key)), pool_size, self.url, deadline)
        # What does not change from call to call is worked out once: the headers of a call, and proxies and
        # certificates from the environment. The adapter itself is called: the session follows redirects and
        # keeps cookies, of which there are none, and to find that out takes as long as all else of ours.
        blank = self._session.prepare_request(requests.Request("GET", self.url))
        self._headers = {**blank.headers}
        self._network: Any = self._session.merge_environment_settings(self.url, {}, True, None, None)
        self._way: Any = self._session.get_adapter(self.url)

    def close(self) -> None:
        self._session.close()

    def set_rate(self, rate_per_s: float) -> None:
        self._limiter.change(rate_per_s)

    def send(
        self,
        method: str,
        path: str,
        key: str,
        *,
        params: Params = (),
        body: Mapping[str, Any] | None = None,
        tries: int | None = None,
        once: bool = False,
    ) -> Reply:
        """Send until an answer holds `key`, or is final, at most `tries` times; raise LagoError.

        Writes are repeated as reads are: each has a natural key in Lago, under which a repetition finds what
        the lost try made. What has none is sent `once`: it is not repeated after a try that may have done it.
        """
        made = 0

        def attempt() -> Reply:
            nonlocal made
            made += 1
            try:
                return self._try(method, path, key, params, body)
            except LagoError as error:
                error.tries = made
                raise

        return http.until_answered(
            attempt,
            tries=tries or self._tries,
            wait=self._wait,
            sleep=self._sleep,
            repeatable=lambda error: _is_repeatable(error, once=once),
        )

    def _wait(self, state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        asked = error.retry_after_s if isinstance(error, LagoError) else 0.0
        return max(asked, self._backoff(state))

    def _try(self, method: str, path: str, key: str, params: Params, body: Mapping[str, Any] | None) -> Reply:
        """Make one HTTP try."""
        request = self._request(method, path, params, body)
        what = f"{method} {path.removeprefix('api/v1/').split('/')[0]}"
        write = method != "GET"
        self._limiter.wait()
        with self.tally.one():
            try:
                answer = self._way.ask(request, timeout_s=self._timeout_s, most=MAX_BODY, **self._network)
            except requests.RequestException as failure:
                raise lost(what, self.url, failure, write=write) from None
            self._heed(answer)
            return judge(what, answer, key, write=write)

    def _request(
        self, method: str, path: str, params: Params, body: Mapping[str, Any] | None
    ) -> requests.PreparedRequest:
        prepared = requests.PreparedRequest()
        prepared.method = method
        prepared.body = None if body is None else json.dumps(body, allow_nan=False).encode()
        headers = {**self._headers}
        if prepared.body is not None:
            headers["Content-Type"] = "application/json"
        if method != "GET":
            headers["Content-Length"] = str(len(prepared.body or b""))
        prepared.headers = cast("CaseInsensitiveDict[str]", headers)  # which would cost more than all of this
        # Set as it is: preparing would turn %2E back into a dot, which Lago takes for the start of a format.
        prepared.url = f"{self.url}/{path}" + (f"?{_query(params)}" if params else "")
        return prepared

    def _heed(self, answer: Answer) -> None:
        """Hold back the other threads too when the quota is spent."""
        if answer.status == 429 or answer.headers.get("x-ratelimit-remaining") == "0":
            self._limiter.pause(retry_after(answer))


_escaped = lru_cache(maxsize=1_024)(quote_plus)  # all but an id here and there are always the same


def _query(params: Params) -> str:
    return "&".join([f"{_escaped(name)}={_escaped(value)}" for name, value in params])


def _is_repeatable(error: Exception, *, once: bool) -> bool:
    return isinstance(error, LagoError) and error.repeatable and not (once and error.sent)

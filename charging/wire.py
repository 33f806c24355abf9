"""HTTP to SteVe: one function makes one try, another holds the policy of trying again.

What goes wrong becomes a SteveError that says no more than method, path and status: a body may echo
customers' data, and query parameters hold idTags.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.auth import HTTPBasicAuth
from tenacity import wait_random_exponential

from kernel import RemoteError, http

CONNECT_TIMEOUT_S = 5.0
LONGEST_WAIT_S = 8.0
HINTS = {
    "steve_refused": "See what SteVe says of it, correct the row or SteVe, and run the same command again.",
    "steve_unexpected": "Look at this idTag in SteVe before running the same command again.",
}
NOT_STEVE = "check STEVE_BASE_URL, or the proxy in between"


class SteveError(RemoteError):
    """A call to SteVe that did not succeed; `status` is the HTTP status, if one came."""

    def __init__(
        self, code: str, message: str, *, status: int | None = None, sent: bool = False, down: bool = False
    ) -> None:
        super().__init__(code, message, sent=sent, down=down)
        self.hint = HINTS.get(code, self.hint)
        self.status = status

    @property
    def is_not_found(self) -> bool:
        """Return whether SteVe itself says that the thing is not there; a stranger's 404 does not count."""
        return self.code == "steve_refused" and self.status == 404


class Wire:
    """Make calls and give back their JSON. Safe to share between threads; keeps its connections.

    A call is made again after a lost connection, a time-out, a 5xx and an answer that is not SteVe's, never
    after a refusal. That is safe for writes too: an idTag is unique, a PUT gives the same, a DELETE is final.
    """

    def __init__(
        self,
        base_url: str,
        username: str,
        key: str,
        *,
        timeout_s: float,
        tries: int,
        backoff_s: float,
        sleep: Callable[[float], None],
        pool_size: int,
    ) -> None:
        if not username or not key:
            raise ValueError("STEVE_API_USERNAME and STEVE_API_KEY must both be set")
        self.url = normalised(base_url)
        self._timeout_s = (min(CONNECT_TIMEOUT_S, timeout_s), timeout_s)
        self._tries = tries
        self._wait = wait_random_exponential(multiplier=backoff_s, max=LONGEST_WAIT_S)
        self._sleep = sleep
        auth = HTTPBasicAuth(username.encode(), key.encode())  # as UTF-8, which requests would not choose
        self._session = http.session(auth, pool_size)

    def close(self) -> None:
        self._session.close()

    def call(
        self,
        method: str,
        path: str,
        params: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> Any:
        """Return the JSON of the answer, None for an empty one; raise SteveError."""
        return http.until_answered(
            lambda: self._try(method, path, params, body),
            tries=self._tries,
            wait=self._wait,
            sleep=self._sleep,
            repeatable=lambda error: error.down,
        )

    def _try(
        self, method: str, path: str, params: Mapping[str, Any] | None, body: Mapping[str, Any] | None
    ) -> Any:
        what, write = f"{method} {path}", method != "GET"
        try:
            response = self._session.request(
                method,
                f"{self.url}/api{path}",
                params=params,
                json=body,
                timeout=self._timeout_s,
                allow_redirects=False,  # credentials go nowhere else
            )
        except requests.RequestException as failure:
            raise _no_answer(what, failure, write=write) from None  # its text holds the query
        return _judged(what, response, write=write)


def unexpected(what: str, came: str, *, status: int | None = None, sent: bool = False) -> SteveError:
    """Return the error for an answer of another form than SteVe's."""
    message = f"{what} was answered with {came}: {NOT_STEVE}"
    return SteveError("steve_unexpected", message, status=status, sent=sent, down=True)


def _judged(what: str, response: requests.Response, *, write: bool) -> Any:
    status = response.status_code
    if status in (401, 403):
        message = f"SteVe refused the credentials ({status}): check STEVE_API_USERNAME and STEVE_API_KEY"
        raise SteveError("steve_refused", message, status=status)
    if status >= 500:
        raise SteveError(
            "steve_unreachable", f"{what}: SteVe failed ({status})", status=status, sent=write, down=True
        )
    done = 200 <= status < 300
    try:
        body = json.loads(response.content or b"null")
    except ValueError:
        raise unexpected(what, f"no JSON ({status})", status=status, sent=write and done) from None
    if done:
        return body
    if status >= 400 and isinstance(body, dict) and "status" in body:
        raise SteveError("steve_refused", f"SteVe refused {what} ({status})", status=status)
    raise unexpected(what, f"HTTP {status}, not by SteVe", status=status)


def _no_answer(what: str, failure: requests.RequestException, *, write: bool) -> SteveError:
    call = http.lost(failure)
    message = f"{what}: SteVe cannot be reached ({call.why}): check STEVE_BASE_URL"
    return SteveError("steve_unreachable", message, sent=write and not call.unsent, down=True)


def normalised(base_url: str) -> str:
    """Return the base without trailing slash and `/api`; raise ValueError if it cannot be used or shown."""
    parts = urlsplit(base_url.strip())
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("STEVE_BASE_URL must look like http://host:8080/steve")
    if parts.username or parts.password:
        raise ValueError("STEVE_BASE_URL must not hold a user name or password")
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/').removesuffix('/api').rstrip('/')}"

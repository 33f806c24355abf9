"""What the platform's two clients share: three tries, a time limit, and one kind of failure."""

import time
from collections.abc import Mapping
from typing import Any

import requests

TRIES = 3
TIMEOUT_S = 30.0


class ApiError(Exception):
    """A call that was refused, or not answered (`status` is None then). The text holds no body."""

    def __init__(self, system: str, status: int | None) -> None:
        super().__init__(f"{system} answered {status}" if status else f"{system} did not answer")
        self.status = status


class HttpApi:
    """Call one system. `pause_s` is waited before the second try, and twice as long before the third.

    Only what may be a passing fault is tried again: no answer, and a status from 500 on.
    """

    system = ""

    def __init__(self, base: str, *, auth: Any = None, headers: Mapping[str, str], pause_s: float) -> None:
        self._base = base.rstrip("/")
        self._pause_s = pause_s
        self._session = requests.Session()
        self._session.trust_env = False  # no proxy and no other login comes in between
        self._session.auth = auth
        self._session.headers.update({"Accept": "application/json", **headers})

    def close(self) -> None:
        self._session.close()

    def call(
        self, method: str, path: str, *, body: Any = None, query: Mapping[str, Any] | None = None
    ) -> requests.Response:
        """Return the first usable answer; raise ApiError for a refusal and after the last try."""
        status: int | None = None
        for attempt in range(TRIES):
            if attempt:
                time.sleep(self._pause_s * attempt)
            response = self._try(method, path, body, query)
            if response is not None and response.ok:
                return response
            status = None if response is None else response.status_code
            if status is not None and status < 500:
                break
        raise ApiError(self.system, status)

    def _try(
        self, method: str, path: str, body: Any, query: Mapping[str, Any] | None
    ) -> requests.Response | None:
        try:
            return self._session.request(
                method,
                f"{self._base}{path}",
                json=body,
                params=query,
                timeout=TIMEOUT_S,
                allow_redirects=False,
            )
        except requests.RequestException:
            return None

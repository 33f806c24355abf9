"""What every HTTP client of ours does alike: sessions that threads share, and trying again.

What is asked, what an answer means and which error it becomes stay with each system's own client.
"""

from collections.abc import Callable
from http.cookiejar import DefaultCookiePolicy
from typing import Any, TypeVar

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from tenacity import Retrying, retry_if_exception, stop_after_attempt
from tenacity.wait import WaitBaseT
from urllib3.exceptions import NewConnectionError, ProxyError

from polaris_backfill.kernel import RemoteError

Answer = TypeVar("Answer")


def session(auth: AuthBase, pool_size: int) -> requests.Session:
    """Make a session for that many threads. `auth` is an object: a ~/.netrc would overrule a plain header."""
    made = requests.Session()
    made.auth = auth
    made.headers.update({"Accept": "application/json", "User-Agent": "polaris-backfill"})
    made.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))  # a jar shared by threads buys nothing
    adapter = HTTPAdapter(pool_connections=1, pool_maxsize=pool_size)
    made.mount("http://", adapter)
    made.mount("https://", adapter)
    return made


def until_answered(
    attempt: Callable[[], Answer],
    *,
    tries: int,
    wait: WaitBaseT,
    sleep: Callable[[float], None],
    repeatable: Callable[[Any], bool],
) -> Answer:
    """Call `attempt` until it answers, at most `tries` times; raise its last RemoteError.

    Writes are repeated as reads are, since each of ours has a natural key: a repetition finds what the lost
    try made. Once a try may have done its work, no later refusal takes that back: `sent` stays.
    """
    lost = False

    def once() -> Answer:
        nonlocal lost
        try:
            return attempt()
        except RemoteError as error:
            lost = error.sent = error.sent or lost
            raise

    policy = Retrying(
        sleep=sleep,
        stop=stop_after_attempt(tries),
        wait=wait,
        retry=retry_if_exception(lambda error: isinstance(error, RemoteError) and repeatable(error)),
        reraise=True,
    )
    return policy(once)


def never_connected(failure: requests.RequestException) -> bool:
    """Say whether no connection came about, so that nothing can have been sent."""
    if isinstance(failure, requests.ConnectTimeout | requests.exceptions.SSLError):
        return True
    reason = getattr(failure.args[0], "reason", None) if failure.args else None
    return isinstance(reason, NewConnectionError | ProxyError)

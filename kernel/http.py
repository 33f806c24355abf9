"""What every HTTP client of ours does alike: sessions for threads, trying again, calls that were lost.

What is asked, what an answer means and which error it becomes stay with each system's own client.
"""

from collections.abc import Callable
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from ssl import SSLCertVerificationError
from typing import Any, TypeVar

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from tenacity import Retrying, retry_if_exception, stop_after_attempt
from tenacity.wait import WaitBaseT
from urllib3.exceptions import ConnectTimeoutError, ProxyError, SSLError

from kernel import RemoteError

Answer = TypeVar("Answer")

# The failures after which nothing can have reached the other side.
NEVER_CONNECTED = (ConnectTimeoutError, ProxyError)


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


@dataclass(frozen=True, slots=True)
class Lost:
    """What is known of a call without an answer. The library's own words repeat ids and are left out.

    `untrusted`: the certificate is not accepted, which no repetition changes. `unsent`: nothing can have
    reached the other side.
    """

    why: str
    untrusted: bool
    unsent: bool


def lost(failure: requests.RequestException) -> Lost:
    reason = getattr(failure.args[0], "reason", None) if failure.args else None
    untrusted = isinstance(reason, SSLError) and isinstance(reason.args[0], SSLCertVerificationError)
    unsent = untrusted or isinstance(reason, NEVER_CONNECTED)
    return Lost(_why(failure, untrusted, unsent), untrusted, unsent)


def _why(failure: requests.RequestException, untrusted: bool, unsent: bool) -> str:
    if untrusted:
        return "its certificate is not accepted"
    if isinstance(failure, requests.Timeout):
        return "no answer in time"
    if isinstance(failure, requests.exceptions.SSLError):
        return "no TLS connection"
    return "no connection" if unsent else "the connection was lost"

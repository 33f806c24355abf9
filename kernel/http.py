"""What every HTTP client of ours does alike: sessions for threads, trying again, calls that were lost.

What is asked, what an answer means and which error it becomes stay with each system's own client.
"""

import ssl
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from ssl import SSLCertVerificationError
from typing import Any, TypeVar

import requests
from requests.auth import AuthBase
from tenacity import Retrying, retry_if_exception, stop_after_attempt
from tenacity.wait import WaitBaseT
from urllib3.exceptions import ConnectTimeoutError, ProxyError, ReadTimeoutError, SSLError

from kernel import RemoteError
from kernel.deadline import BoundedAdapter, Deadline
from kernel.one_server import OneServer
from kernel.pace import MOST_AT_ONCE

Answer = TypeVar("Answer")

# The failures after which nothing can have reached the other side.
NEVER_CONNECTED = (ConnectTimeoutError, ProxyError)

# In which the library itself looks for a file or folder of authorities to trust.
AUTHORITIES = "REQUESTS_CA_BUNDLE (or CURL_CA_BUNDLE where that is not set)"


def session(auth: AuthBase, pool_size: int, url: str, deadline: Deadline | None = None) -> requests.Session:
    """Make a session for that many threads, and for the server at `url` alone.

    `auth` is an object: a ~/.netrc would overrule a plain header.

    Raises ValueError, which names the variable, where the authorities to trust at `url` cannot be read.
    """
    made = requests.Session()
    if url.startswith("https:"):
        _check_authorities(made.merge_environment_settings(url, {}, True, None, None)["verify"])
    made.auth = auth
    made.headers.update({"Accept": "application/json", "User-Agent": "polaris-backfill"})
    made.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))  # a jar shared by threads buys nothing
    # Connections are made as they are needed. Room for more, as the threads may become more while they work.
    pool: dict[str, Any] = {"pool_connections": 1, "pool_maxsize": max(pool_size, MOST_AT_ONCE)}
    adapter = BoundedAdapter(deadline, **pool) if deadline else OneServer(**pool)
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

    try:
        return once()
    except RemoteError as error:
        first = [error]

    def again() -> Answer:
        """Fail once more as the first try did, for the policy to judge and count it."""
        if first:
            raise first.pop()
        return once()

    # Only for calls that failed: the library takes longer than all else of ours that is done for a call.
    policy = Retrying(
        sleep=sleep,
        stop=stop_after_attempt(tries),
        wait=wait,
        retry=retry_if_exception(lambda error: isinstance(error, RemoteError) and repeatable(error)),
        reraise=True,
    )
    return policy(again)


@dataclass(frozen=True, slots=True)
class Lost:
    """What is known of a call without an answer. The library's own words repeat ids and are left out.

    `untrusted`: the certificate is not accepted, which no repetition changes. `unsent`: nothing can have
    reached the other side. `late`: it did not come in time.
    """

    why: str
    untrusted: bool
    unsent: bool
    late: bool


def lost(failure: requests.RequestException) -> Lost:
    cause = failure.args[0] if failure.args else None
    reason = getattr(cause, "reason", None)
    untrusted = isinstance(reason, SSLError) and isinstance(reason.args[0], SSLCertVerificationError)
    unsent = untrusted or isinstance(reason, NEVER_CONNECTED)
    # An answer that stops half way is a time-out too, and the library calls it a broken connection.
    late = isinstance(failure, requests.Timeout) or isinstance(cause, ReadTimeoutError)
    return Lost(_why(failure, untrusted, unsent, late), untrusted, unsent, late)


def http_date(value: str) -> datetime | None:
    """Read a `Date` header; None where it is blank or no date."""
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _why(failure: requests.RequestException, untrusted: bool, unsent: bool, late: bool) -> str:
    if untrusted:
        return "its certificate is not accepted"
    if late:
        return "no answer in time"
    if isinstance(failure, requests.exceptions.SSLError):
        return "no TLS connection"
    return "no connection" if unsent else "the connection was lost"


def _check_authorities(named: Any) -> None:
    """Load what the library would load at the first call, and fail at with a bare OSError."""
    if not isinstance(named, str) or Path(named).is_dir():
        return
    if not Path(named).exists():
        raise ValueError(f"{AUTHORITIES} names a file that is not there")
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(named)
    except OSError:  # of which an ssl.SSLError is one
        raise ValueError(
            f"{AUTHORITIES} names a file without certificates, or one that cannot be read"
        ) from None

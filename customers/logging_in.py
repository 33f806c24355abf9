"""Why PostgreSQL let nobody in: its SQLSTATE, which the driver keeps to itself while there is no connection.

So it is asked once more, and what goes over the wire is written down in memory and searched for the code. The
words beside it are in the server's language.
"""

import os
import re
import sys
from contextlib import closing
from select import select
from time import monotonic
from typing import Any

import psycopg
from psycopg import conninfo, pq

WITHIN_S = 3.0
CODE = re.compile(rb'\tErrorResponse\t.*? C "([0-9A-Z]{5})" M ', re.DOTALL)
NOT_OF_LIBPQ = {"context", "cursor_factory", "prepare_threshold", "autocommit", "row_factory"}


def refusal_of(parameters: dict[str, Any]) -> str:
    """Try to log in, and return the SQLSTATE of the refusal; blank where nobody sends one any more."""
    if sys.platform != "linux":  # elsewhere the driver writes nothing down
        return ""
    told = {name: value for name, value in parameters.items() if name not in NOT_OF_LIBPQ}
    with closing(os.fdopen(os.memfd_create("login"), "rb")) as wire:
        try:
            return _refusal(conninfo.make_conninfo("", **told).encode(), wire.fileno())
        except (psycopg.Error, OSError):
            return ""


def _refusal(told: bytes, wire: int) -> str:
    deadline = monotonic() + WITHIN_S
    login = pq.PGconn.connect_start(told)
    try:
        if login.status == pq.ConnStatus.BAD:
            return ""
        login.trace(wire)
        while _goes_on(login, deadline):
            pass
        login.untrace()
    finally:
        login.finish()
    codes = CODE.findall(os.pread(wire, os.fstat(wire).st_size, 0))
    return codes[-1].decode() if codes else ""


def _goes_on(login: pq.abc.PGconn, deadline: float) -> bool:
    """Take the next step of the login; False when it has ended, or the time has."""
    status = login.connect_poll()
    if status in (pq.PollingStatus.OK, pq.PollingStatus.FAILED):
        return False
    reads = status == pq.PollingStatus.READING
    left_s = max(deadline - monotonic(), 0.0)
    return any(select([login.socket] if reads else [], [] if reads else [login.socket], [], left_s))

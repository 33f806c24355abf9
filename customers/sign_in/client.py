"""Where a request comes from, as far as it can be told."""

import ipaddress
import logging
from functools import cache

from django.conf import settings
from django.http import HttpRequest

LEFT_BY_PROXIES = ("X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Real-IP", "Forwarded")
NOT_TOLD_APART = (
    "Requests come through a proxy, and TRUSTED_PROXY_COUNT does not say how many there are, or says too"
    " many: clients cannot be told apart, and nothing is limited by client."
)
HOUSEHOLD = 64  # bits: whoever has one address of IPv6 has all that begin like it

logger = logging.getLogger(__name__)


def client_address(request: HttpRequest) -> str | None:
    """Return the address of the client, or None if all that is known is the address of a proxy.

    Anybody can send X-Forwarded-For. Each proxy of ours appends whom it was asked by, so the client is the
    TRUSTED_PROXY_COUNT-th entry from the end. With 0 there is no proxy: the header is not looked at, and the
    peer is the client. While the variable is unset the peer is the client too, unless a proxy shows: counting
    would then take all people for one, and a stranger's mistakes would shut everybody out.
    """
    count = settings.TRUSTED_PROXY_COUNT
    hops = [hop.strip() for hop in request.headers.get("X-Forwarded-For", "").split(",") if hop.strip()]
    if count and len(hops) >= count:
        return _place(hops[-count])
    if count != 0 and any(header in request.headers for header in LEFT_BY_PROXIES):
        _warn()
        return None
    return _place(str(request.META.get("REMOTE_ADDR") or "")) or None


@cache
def _warn() -> None:
    """Say it once per process: it is true of every request."""
    logger.warning("%s See docs/environment.md.", NOT_TOLD_APART)


def _place(address: str) -> str:
    """Leave out a port, which some proxies append; of IPv6 keep what a household has in common."""
    host = address
    if address.startswith("["):
        host = address[1:].partition("]")[0]
    elif address.count(":") == 1:
        host = address.partition(":")[0]
    try:
        parsed = ipaddress.ip_address(host)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return host
    if parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.IPv6Network((parsed, HOUSEHOLD), strict=False))

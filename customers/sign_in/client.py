"""Where a request comes from."""

from django.conf import settings
from django.http import HttpRequest


def client_address(request: HttpRequest) -> str:
    """Return the address of the client, as far as it can be trusted.

    Anybody can send X-Forwarded-For. Each proxy of ours appends whom it was asked by, so the client is the
    TRUSTED_PROXY_COUNT-th entry from the end, and without proxies the peer of the connection.
    """
    peer = str(request.META.get("REMOTE_ADDR") or "")
    if not settings.TRUSTED_PROXY_COUNT:
        return peer
    hops = [hop.strip() for hop in request.headers.get("X-Forwarded-For", "").split(",") if hop.strip()]
    return hops[-settings.TRUSTED_PROXY_COUNT] if len(hops) >= settings.TRUSTED_PROXY_COUNT else peer

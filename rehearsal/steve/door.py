"""Which charge points SteVe lets in, before the handshake of their websocket."""

import base64
import binascii
import hmac
from collections.abc import Callable
from http import HTTPStatus
from urllib.parse import unquote

from websockets.http11 import Request as Handshake

from rehearsal.steve.folding import folded
from rehearsal.steve.tables import ChargeBox

OCPP_PATH = "/steve/websocket/CentralSystemService"
OCPP_16J = "ocpp1.6"


def charge_box_id_of(path: str) -> str:
    """Return the charge box that a path names; empty if it is another path."""
    base, _, charge_box_id = path.rpartition("/")
    return unquote(charge_box_id) if base == OCPP_PATH else ""


def turned_away(handshake: Handshake, find: Callable[[str], ChargeBox | None]) -> HTTPStatus | None:
    """Return the status of a refusal; None lets the charge point in."""
    charge_box = find(charge_box_id_of(handshake.path))
    if charge_box is None:
        return HTTPStatus.NOT_FOUND
    if charge_box.password and not _is_allowed(handshake, charge_box):
        return HTTPStatus.UNAUTHORIZED
    asked = ",".join(handshake.headers.get_all("Sec-WebSocket-Protocol"))
    if not asked:
        return HTTPStatus.BAD_REQUEST
    return None if OCPP_16J in [one.strip() for one in asked.split(",")] else HTTPStatus.NOT_FOUND


def _is_allowed(handshake: Handshake, charge_box: ChargeBox) -> bool:
    """Say whether a charge point brings its password, with its own id as the user."""
    scheme, _, credentials = "".join(handshake.headers.get_all("Authorization")).partition(" ")
    try:
        user, _, password = base64.b64decode(credentials, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return False
    is_its_own = scheme.lower() == "basic" and folded(user) == folded(charge_box.charge_box_id)
    return is_its_own and hmac.compare_digest(password.encode(), charge_box.password.encode())

"""SteVe's door for charge points: opening a websocket there, and saying what a closed door means."""

import asyncio
import base64
import logging
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote, urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.datastructures import Headers
from websockets.exceptions import InvalidHandshake, InvalidMessage, InvalidStatus, InvalidURI
from websockets.typing import Subprotocol

from charging.ocpp_session import ChargePointError

OCPP_16J = Subprotocol("ocpp1.6")
STEVES_PATH = "/websocket/CentralSystemService"  # below SteVe's own, which is /steve unless it was changed
KNOCK_S = 10.0
LOOKS_LIKE = f"ws://steve:8080/steve{STEVES_PATH}"

# The library logs whole messages, and so idTags.
SILENT = logging.getLogger("charging.charge_point.messages")
SILENT.disabled = True
# The time-out of the whole session bounds the opening too.
CONNECTION: dict[str, Any] = {"open_timeout": None, "close_timeout": 2.0, "logger": SILENT}


class _Connect(connect):
    def process_redirect(self, exc: Exception) -> Exception | str:
        """Follow none: the password goes nowhere else, and the address that is set is wrong."""
        return exc


@asynccontextmanager
async def opened(ocpp_url: str, charge_box_id: str, password: str = "") -> AsyncIterator[ClientConnection]:
    """Connect as a charge box, with its password if it has one; raise ChargePointError."""
    url = f"{ocpp_url.rstrip('/')}/{quote(charge_box_id, safe='')}"
    connection = await _open(url, ocpp_url, charge_box_id, password)
    try:
        if connection.subprotocol != OCPP_16J:
            message = f"What answers at STEVE_OCPP_URL did not choose OCPP 1.6J: {_path_said(ocpp_url)}"
            raise ChargePointError("ocpp_address", message)
        yield connection
    finally:
        await connection.close()


async def knock(ocpp_url: str, charge_box_id: str) -> None:
    """Prove that SteVe opens to charge points, by one that it does not know; raise ChargePointError.

    It turns an unknown one away, which is enough; a wrong path looks the same unless it ends as SteVe's does.
    """
    try:
        async with asyncio.timeout(KNOCK_S), opened(ocpp_url, charge_box_id):
            return
    except TimeoutError:
        raise ChargePointError("ocpp_unreachable", "Nobody answers at STEVE_OCPP_URL in time") from None
    except ChargePointError as error:
        is_known_path = _has_steves_path(ocpp_url)
        if error.code != "charge_box_password" and not (error.code == "charge_box_unknown" and is_known_path):
            raise


async def _open(url: str, ocpp_url: str, charge_box_id: str, password: str) -> ClientConnection:
    headers = {"Authorization": _basic(charge_box_id, password)} if password else {}
    try:
        return await _Connect(url, subprotocols=[OCPP_16J], additional_headers=headers, **CONNECTION)
    except InvalidStatus as error:
        status, answer = error.response.status_code, error.response.headers
        raise _turned_away(status, answer, ocpp_url, charge_box_id, with_password=bool(password)) from None
    except ssl.SSLCertVerificationError as error:
        message = f"The certificate at STEVE_OCPP_URL cannot be trusted: {error.verify_message}"
        raise ChargePointError("ocpp_address", message) from None
    except (ssl.SSLError, ConnectionResetError, InvalidMessage):
        raise ChargePointError("ocpp_address", _other_tongue(ocpp_url)) from None
    except (OSError, InvalidURI) as error:
        message = f"SteVe's OCPP endpoint cannot be reached ({type(error).__name__}): check STEVE_OCPP_URL"
        raise ChargePointError("ocpp_unreachable", message) from None
    except InvalidHandshake as error:
        message = (
            f"There is no OCPP 1.6J behind STEVE_OCPP_URL ({type(error).__name__}): {_path_said(ocpp_url)}"
        )
        raise ChargePointError("ocpp_address", message) from None


def _basic(charge_box_id: str, password: str) -> str:
    """Log in as OCPP's security profiles 1 and 2 want it: the user is the charge box."""
    return "Basic " + base64.b64encode(f"{charge_box_id}:{password}".encode()).decode()


def _other_tongue(ocpp_url: str) -> str:
    """Say of somebody who hangs up at our first word, or answers in no HTTP, what they may want instead."""
    if urlsplit(ocpp_url).scheme == "wss":
        return "STEVE_OCPP_URL begins with wss://, but no TLS answers there: without TLS it begins with ws://"
    return "What answers at STEVE_OCPP_URL is no web server in clear text: with TLS it begins with wss://"


def _turned_away(
    status: int, answer: Headers, ocpp_url: str, charge_box_id: str, *, with_password: bool
) -> ChargePointError:
    path = _path_said(ocpp_url)
    if 300 <= status < 400:
        where = f" to {answer['Location'].partition('?')[0]}" if "Location" in answer else ""
        message = (
            f"STEVE_OCPP_URL is redirected{where} (HTTP {status}), which no charge point follows: {path}"
        )
        return ChargePointError("ocpp_address", message)
    if status == 401:
        return ChargePointError(
            "charge_box_password", _password_said(charge_box_id, with_password=with_password)
        )
    if status == 404:
        return ChargePointError("charge_box_unknown", _not_found_said(ocpp_url, charge_box_id))
    if status == 400:
        message = f"SteVe takes no OCPP 1.6J at STEVE_OCPP_URL (HTTP 400): {path}; wss:// where there is TLS"
        return ChargePointError("ocpp_address", message)
    message = f"The charge box was turned away (HTTP {status}): {path}"
    return ChargePointError("ocpp_unexpected", message)


def _password_said(charge_box_id: str, *, with_password: bool) -> str:
    if with_password:
        refused = f"SteVe refuses the password of the charge box {charge_box_id} (HTTP 401)"
        return f"{refused}: check STEVE_OCPP_PASSWORD"
    return (
        f"SteVe wants a password of the charge box {charge_box_id} (HTTP 401): set STEVE_OCPP_PASSWORD,"
        " or take one of security profile 0"
    )


def _not_found_said(ocpp_url: str, charge_box_id: str) -> str:
    """Say both: SteVe answers an unknown charge box as it answers an unknown path."""
    if _has_steves_path(ocpp_url):
        return (
            f"SteVe does not know the charge box {charge_box_id} (HTTP 404): create it there first."
            f" If it exists, the path in front of {STEVES_PATH} is wrong in STEVE_OCPP_URL"
        )
    return (
        f"STEVE_OCPP_URL has another path than SteVe (HTTP 404): {_path_said(ocpp_url)}."
        f" If it is right, create the charge box {charge_box_id} in SteVe"
    )


def _path_said(ocpp_url: str) -> str:
    path = urlsplit(ocpp_url).path
    return f"it looks like {LOOKS_LIKE}, without the charge box, and its path is {path or 'empty'}"


def _has_steves_path(ocpp_url: str) -> bool:
    return urlsplit(ocpp_url).path.rstrip("/").endswith(STEVES_PATH)

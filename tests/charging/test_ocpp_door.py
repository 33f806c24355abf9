"""What a closed door means: each wrong OCPP address is told as such."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from charging.charge_point import ChargePointError
from charging.ocpp_door import opened
from tests.charging.central_system import PATH, CentralSystem

SELF_SIGNED = Path(__file__).parent.parent / "billing" / "self_signed.pem"


async def silent(connection: ServerConnection) -> None:
    await connection.wait_closed()


def refused(address: Callable[[int], str], served: Callable[[], Any]) -> ChargePointError:
    """Knock at an address of a server, made of its port, and give what is said."""

    async def scenario() -> ChargePointError:
        async with served() as server:
            port = server.port if isinstance(server, CentralSystem) else server.sockets[0].getsockname()[1]
            with pytest.raises(ChargePointError) as caught:
                async with opened(address(port), "TEST-1", "secret"):
                    pass
            return caught.value

    return asyncio.run(scenario())


def answering(status: HTTPStatus, **headers: str) -> Callable[[], Any]:
    def process(connection: ServerConnection, request: Request) -> Response:
        response = connection.respond(status, "")
        response.headers.update(headers)
        return response

    return lambda: serve(silent, "127.0.0.1", 0, process_request=process)


def steve() -> Any:
    return CentralSystem(charge_box_id="ANOTHER").served()


def in_tls() -> Any:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(SELF_SIGNED)
    return serve(silent, "127.0.0.1", 0, ssl=context)


def talking_plainly() -> Any:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()
        writer.close()

    return Listening(answer)


class Listening:
    """A server that is not the websocket library's."""

    def __init__(self, answer: Callable[..., Awaitable[None]]) -> None:
        self._answer = answer

    async def __aenter__(self) -> asyncio.Server:
        self._server = await asyncio.start_server(self._answer, "127.0.0.1", 0)
        return self._server

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await self._server.wait_closed()


def without_subprotocol() -> Any:
    return serve(silent, "127.0.0.1", 0)


WRONG: dict[str, tuple[str, Callable[[], Any], str, str]] = {
    "no path": (
        "ws://127.0.0.1:{}",
        steve,
        "charge_box_unknown",
        "STEVE_OCPP_URL has another path than SteVe (HTTP 404)",
    ),
    "the path of the pages": (
        "ws://127.0.0.1:{}/steve",
        steve,
        "charge_box_unknown",
        "its path is /steve. If it is right, create the charge box TEST-1 in SteVe",
    ),
    "with the charge box": (
        "ws://127.0.0.1:{}" + PATH + "/ANOTHER",
        steve,
        "charge_box_unknown",
        "without the charge box, and its path is",
    ),
    "another charge box": (
        "ws://127.0.0.1:{}" + PATH,
        steve,
        "charge_box_unknown",
        "SteVe does not know the charge box TEST-1 (HTTP 404): create it there first. If it exists, the path",
    ),
    "wss on plain": ("wss://127.0.0.1:{}" + PATH, steve, "ocpp_address", "no TLS answers there"),
    "wss on a plain web server": (
        "wss://127.0.0.1:{}" + PATH,
        talking_plainly,
        "ocpp_address",
        "no TLS answers there",
    ),
    "ws on TLS": ("ws://127.0.0.1:{}" + PATH, in_tls, "ocpp_address", "with TLS it begins with wss://"),
    "a certificate of its own": (
        "wss://127.0.0.1:{}" + PATH,
        in_tls,
        "ocpp_address",
        "The certificate at STEVE_OCPP_URL cannot be trusted: self",
    ),
    "no subprotocol": (
        "ws://127.0.0.1:{}" + PATH,
        without_subprotocol,
        "ocpp_address",
        "did not choose OCPP 1.6J",
    ),
    "400": (
        "ws://127.0.0.1:{}" + PATH,
        answering(HTTPStatus.BAD_REQUEST),
        "ocpp_address",
        "takes no OCPP 1.6J at STEVE_OCPP_URL (HTTP 400)",
    ),
    "a redirect": (
        "ws://127.0.0.1:{}/steve",
        answering(HTTPStatus.FOUND, Location="/steve/manager/signin?to=here"),
        "ocpp_address",
        "STEVE_OCPP_URL is redirected to /steve/manager/signin (HTTP 302)",
    ),
    "no entry": (
        "ws://127.0.0.1:{}" + PATH,
        answering(HTTPStatus.FORBIDDEN),
        "ocpp_unexpected",
        "turned away (HTTP 403)",
    ),
}


@pytest.mark.parametrize(("address", "served", "code", "says"), WRONG.values(), ids=WRONG)
def test_a_wrong_address_is_told_as_such(
    address: str, served: Callable[[], Awaitable[Any]], code: str, says: str
) -> None:
    error = refused(address.format, served)

    assert (error.code, says in str(error)) == (code, True), str(error)
    assert "STEVE_OCPP_URL" in str(error) or code == "ocpp_unexpected"
    assert "secret" not in str(error)


def test_a_redirect_is_not_followed_with_the_password() -> None:
    asked: list[str] = []

    def process(connection: ServerConnection, request: Request) -> Response:
        asked.append(request.path)
        response = connection.respond(HTTPStatus.TEMPORARY_REDIRECT, "")
        response.headers["Location"] = "/elsewhere"
        return response

    refused(
        ("ws://127.0.0.1:{}" + PATH).format, lambda: serve(silent, "127.0.0.1", 0, process_request=process)
    )

    assert asked == [f"{PATH}/TEST-1"]

"""Each answer that is none, told as what it is, with what to do about it."""

import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest

from charging import SteveClient, SteveError
from tests.billing.scripted import Answer, Scripted, scripted_server
from tests.charging.answers import EMPTY, NOT_THERE, error, jetty, page, redirect
from tests.charging.conftest import KEY, Connect

SELF_SIGNED = Path(__file__).parents[1] / "billing" / "self_signed.pem"
UNKNOWN_USER = "The user does not exist, exists but is disabled or has API access disabled."


def failure(client: SteveClient) -> SteveError:
    with pytest.raises(SteveError) as caught:
        client.preflight()
    assert KEY not in str(caught.value)
    assert "\n" not in str(caught.value)
    return caught.value


# --- Logins ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("Invalid password", ["the password is wrong", "API password", "ten minutes"]),
        (UNKNOWN_USER, ["no such user", "disabled", "switched off", "STEVE_API_USERNAME", "ten minutes"]),
        ("Required parameters missing", ["no login arrived", "proxy"]),
        ("Full authentication is required to access this resource", ["3.7", "STEVE_API_KEY_HEADER"]),
        ("What a later version may say", ["STEVE_API_USERNAME and STEVE_API_KEY"]),
    ],
)
def test_a_login_that_steve_refuses_is_told_by_what_is_wrong_with_it(
    client: SteveClient, scripted: Scripted, said: str, told: list[str]
) -> None:
    scripted.answers(error(401, said))

    refused = failure(client)

    assert str(refused).startswith("SteVe refused the credentials (401): ")
    assert [words for words in told if words not in str(refused)] == []
    assert (refused.code, refused.status, len(scripted.asked)) == ("steve_refused", 401, 1)


@pytest.mark.parametrize("answer", [page(401, "<h1>Authorization Required</h1>"), jetty(401)])
def test_a_401_of_somebody_else_is_not_told_as_steves(
    client: SteveClient, scripted: Scripted, answer: Answer
) -> None:
    scripted.answers(answer)

    assert "proxy in between may want a login of its own" in str(failure(client))


@pytest.mark.parametrize("answer", [page(500, "<h1>Web APIs are not exposed</h1>")])
def test_an_api_that_is_switched_off_is_told_as_such_and_asked_once(
    client: SteveClient, scripted: Scripted, answer: Answer
) -> None:
    scripted.answers(answer)

    assert "SteVe's API is switched off (500): set webapi.key and webapi.value" in str(failure(client))
    assert len(scripted.asked) == 1


# --- Addresses -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (
            redirect("http://host:8080/steve/manager/signin"),
            "led to SteVe's sign-in page (302): a proxy takes",
        ),
        (redirect("https://host/steve/api/v1/ocppTags"), "redirected to https (302): write https://"),
        (redirect("/elsewhere"), "redirected (302), which SteVe's API does not do"),
        (jetty(403), "there is no such path (403): STEVE_BASE_URL must be SteVe's own base"),
        (page(403, ""), "there is no such path (403): STEVE_BASE_URL must be SteVe's own base"),
        (jetty(404), "there is no such path (404): STEVE_BASE_URL must be SteVe's own base"),
        (page(404, "404 page not found"), "there is no such path (404): STEVE_BASE_URL must be"),
        (
            page(400, "The plain HTTP request was sent to HTTPS port"),
            "https is spoken there (400): write https",
        ),
        (page(418, "<h1>no</h1>"), "answered with HTTP 418, not by SteVe: check STEVE_BASE_URL"),
        (Answer(200, b"<h1>Welcome</h1>"), "answered with no JSON (200): check STEVE_BASE_URL"),
        (Answer(200, {"hello": 1}), "answered with no list: check STEVE_BASE_URL"),
    ],
)
def test_a_wrong_address_is_told_with_what_to_write_instead(
    client: SteveClient, scripted: Scripted, answer: Answer, told: str
) -> None:
    scripted.answers(answer)

    refused = failure(client)

    assert told in str(refused)
    assert refused.down


def test_https_where_plain_http_is_spoken_is_told(scripted: Scripted, connect: Connect) -> None:
    address = scripted.url.replace("http:", "https:")

    assert "does SteVe speak https there, or plain http?" in str(failure(connect(address, tries=1)))


def test_plain_http_where_https_is_spoken_is_told(connect: Connect) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(SELF_SIGNED)
    with scripted_server(context) as secure:
        address = secure.url.replace("https:", "http:")

        told = str(failure(connect(address, tries=1)))

    assert "STEVE_BASE_URL" in told


@pytest.fixture
def alerting() -> Iterator[str]:
    """Answer as a server of TLS does to what is none: with an alert that is no line of HTTP."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def once() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"\x15\x03\x03\x00\x02\x02\x46")

        thread = Thread(target=once)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        thread.join()


def test_an_answer_that_is_no_http_asks_whether_it_is_https(alerting: str, connect: Connect) -> None:
    assert "does SteVe speak plain http there, or https?" in str(failure(connect(alerting, tries=1)))


def test_a_certificate_that_is_not_accepted_is_asked_for_once(connect: Connect, naps: list[float]) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(SELF_SIGNED)
    with scripted_server(context) as secure:
        told = str(failure(connect(secure.url)))

    assert "its certificate is not accepted" in told
    assert "REQUESTS_CA_BUNDLE" in told
    assert naps == []


# --- What is not there -----------------------------------------------------------------------------------


def test_steves_own_404_means_that_it_is_not_there(client: SteveClient, scripted: Scripted) -> None:
    scripted.answers(NOT_THERE)

    assert client.get_id_tag(1) is None
    assert client.delete_id_tag(1) is False


@pytest.mark.parametrize(
    "answer",
    [
        jetty(404),
        page(404, "404 page not found"),
        Answer(404, {"status": 404}),
        Answer(404, {"status": 404, "message": None}),
        Answer(404, {"status": True, "message": "x"}),
        Answer(404, {"status": 200, "message": "x"}),
        Answer(404, [404]),
        Answer(404, b""),
    ],
)
def test_no_other_404_does(client: SteveClient, scripted: Scripted, answer: Answer) -> None:
    scripted.answers(answer)

    for ask in (client.get_id_tag, client.delete_id_tag):
        with pytest.raises(SteveError) as caught:
            ask(1)
        assert (caught.value.is_not_found, caught.value.down) == (False, True)


def test_a_good_answer_is_good(client: SteveClient, scripted: Scripted) -> None:
    scripted.answers(EMPTY)

    client.preflight()

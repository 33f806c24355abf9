"""Which addresses there are, and how SteVe answers those that there are not."""

import socket

import pytest
import requests

from rehearsal.steve import SteveSandbox
from rehearsal.steve.versions import Version
from tests.rehearsal.steve.calls import ID_TAG, call, created, login, told

API = "/steve/api/v1"
JSON_ONLY = {"Accept": "application/json"}


def asked(
    steve: SteveSandbox, method: str, path: str, accept: str = "*/*", key: str = "steve-sandbox-key"
) -> requests.Response:
    return told(steve, method, path, Authorization=login(steve), STEVE_API_KEY=key, Accept=accept)


WRONG = [
    ("GET", f"{API}/nothing"),
    ("GET", f"{API}/users"),
    ("GET", f"{API}/chargeBoxes"),
    ("GET", f"{API}/ocppTags/"),
    ("GET", f"{API}/ocppTags/1/"),
    ("GET", f"{API}/ocpptags"),
    ("GET", f"{API}/v1/ocppTags"),
    ("GET", "/steve/api/ocppTags"),
    ("PUT", f"{API}/ocppTags"),
    ("DELETE", f"{API}/ocppTags"),
    ("POST", f"{API}/ocppTags/1"),
    ("POST", f"{API}/transactions"),
]


@pytest.mark.parametrize(("method", "path"), WRONG)
def test_an_address_that_is_none_is_forbidden(steve: SteveSandbox, method: str, path: str) -> None:
    created(steve)

    assert asked(steve, method, path).status_code == 403


@pytest.mark.parametrize("version", ["3.7", "3.8"])
@pytest.mark.parametrize(("method", "path"), WRONG)
def test_before_3_9_it_is_not_found_by_the_web_server(version: str, method: str, path: str) -> None:
    with SteveSandbox(version=version) as steve:
        assert asked(steve, method, path).status_code == 404


@pytest.mark.parametrize(
    ("version", "status"), [("3.7", "404"), ("3.8", "404"), ("3.9", "403"), ("3.15", "403")]
)
def test_the_web_servers_own_json_has_its_status_as_a_text(version: str, status: str) -> None:
    with SteveSandbox(version=version) as steve:
        answer = asked(steve, "GET", f"{API}/nothing", "application/json")

    assert (str(answer.status_code), answer.json()["status"]) == (status, status)


def test_who_takes_anything_gets_a_page(steve: SteveSandbox) -> None:
    answer = asked(steve, "GET", f"{API}/nothing")

    assert answer.headers["Content-Type"].startswith("text/html")
    assert "403" in answer.text


@pytest.mark.parametrize("accept", ["application/xml", "text/plain", "application/json;q=0"])
def test_who_takes_no_json_gets_nothing(steve: SteveSandbox, accept: str) -> None:
    answer = asked(steve, "GET", f"{API}/ocppTags", accept)

    assert (answer.status_code, answer.text) == (403, "")


@pytest.mark.parametrize("accept", ["*/*", "application/*", "text/html, application/json;q=0.9"])
def test_who_takes_json_among_others_gets_it(steve: SteveSandbox, accept: str) -> None:
    assert asked(steve, "GET", f"{API}/ocppTags", accept).json() == []


def test_what_is_not_there_is_said_by_the_api_itself(steve: SteveSandbox) -> None:
    answer = call(steve, "GET", "ocppTags/99")

    assert (answer.status_code, answer.json()["status"]) == (404, 404)
    assert answer.json()["message"] == "Could not find this ocppTag"


@pytest.mark.parametrize("path", ["/api/v1/ocppTags", "/", "/steves/api/v1/ocppTags"])
def test_outside_of_steve_the_web_server_knows_nothing(steve: SteveSandbox, path: str) -> None:
    answer = asked(steve, "GET", path, "application/json")

    assert (answer.status_code, answer.json()["status"]) == (404, "404")


@pytest.mark.parametrize("number", ["abc", "1.5", "2147483648", "-2147483649", "1e3"])
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_a_number_that_is_none_is_refused(steve: SteveSandbox, method: str, number: str) -> None:
    assert call(steve, method, f"ocppTags/{number}", {"idTag": ID_TAG}).status_code == 400


def test_options_tell_what_an_address_can_do(steve: SteveSandbox) -> None:
    options = asked(steve, "OPTIONS", f"{API}/ocppTags/1")

    assert (options.status_code, options.text) == (200, "")
    assert options.headers["Allow"] == "DELETE,GET,OPTIONS,PUT"


@pytest.mark.parametrize(
    ("path", "status"), [("ocppTags", b"200"), ("ocppTags/1", b"404"), ("nothing", b"403")]
)
def test_a_head_is_answered_without_a_body(steve: SteveSandbox, path: str, status: bytes) -> None:
    head = f"HEAD {API}/{path} HTTP/1.1\r\nAuthorization: {login(steve)}\r\nConnection: close\r\n\r\n"
    with socket.create_connection((steve.host, steve.port), timeout=60) as peer:
        peer.sendall(head.encode())
        answer = b"".join(iter(lambda: peer.recv(65536), b""))

    assert answer.split()[1] == status
    assert answer.endswith(b"\r\n\r\n")


@pytest.mark.parametrize(
    ("method", "path", "since"),
    [
        ("GET", "transactions/1", "3.12"),
        ("PATCH", "transactions/1/stop", "3.15"),
        ("GET", "transactions/reports/csv?from=2020-01-01&to=2020-01-02", "3.15"),
        ("PATCH", "ocppTags/1/expire", "3.15"),
    ],
)
@pytest.mark.parametrize("version", ["3.8", "3.9", "3.12", "3.14", "3.15"])
def test_what_is_newer_is_no_address_before(version: str, method: str, path: str, since: str) -> None:
    with SteveSandbox(version=version) as steve:
        answer = asked(steve, method, f"{API}/{path}")

        is_there = not answer.headers["Content-Type"].startswith("text/html")
        assert is_there == (Version.parse(version) >= Version.parse(since))


@pytest.mark.parametrize(("number", "status"), [(800, 200), (1000, 414)])
def test_an_address_of_8_kilobytes_is_too_long(steve: SteveSandbox, number: int, status: int) -> None:
    id_tags = ",".join(f"TAG{n:05}" for n in range(number))

    answer = asked(steve, "GET", f"{API}/transactions?ocppIdTag={id_tags}")

    assert answer.status_code == status
    assert status == 200 or answer.headers["Content-Type"].startswith("text/html")


def test_an_encoded_comma_counts_three(steve: SteveSandbox) -> None:
    id_tags = "%2C".join(f"TAG{n:05}" for n in range(800))

    assert asked(steve, "GET", f"{API}/transactions?ocppIdTag={id_tags}").status_code == 414

"""One try at the operator's webhook: signed, and over in time whatever the receiver does."""

import socket
import ssl
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from customers import webhook
from customers.webhook import WebhookError, post
from tests.billing.api.test_transport import SELF_SIGNED
from tests.support.receiver import SECRET, Receiver, receiving, seconds

TOLD = {"id": "1", "event": "run.finished", "organization": "Größe & Söhne"}


def failure(within_s: float = 5) -> WebhookError:
    with pytest.raises(WebhookError) as caught:
        post(TOLD, within_s=within_s)
    return caught.value


def test_the_receiver_can_check_the_signature_over_the_very_bytes(receiver: Receiver) -> None:
    post(TOLD)

    assert receiver.told() == [TOLD]
    assert receiver.are_signed()


def test_a_body_that_was_changed_has_another_signature() -> None:
    assert webhook.signature_of(b"{}", SECRET) != webhook.signature_of(b"{ }", SECRET)


def test_without_a_secret_there_is_no_webhook(settings: Any) -> None:
    settings.NOTIFY_WEBHOOK_URL, settings.NOTIFY_WEBHOOK_SECRET = "https://example.com/hook", ""

    assert not webhook.is_set()


def test_nobody_is_there(settings: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    settings.NOTIFY_WEBHOOK_URL, settings.NOTIFY_WEBHOOK_SECRET = f"http://127.0.0.1:{port}/", SECRET

    assert failure().code == "unreachable"


@pytest.mark.parametrize("way", ["hang", "drip"])
def test_a_receiver_that_does_not_end_is_left_in_time(receiver: Receiver, way: str) -> None:
    receiver.answers = [way]

    with seconds(1.5):
        code = failure(within_s=0.6).code

    assert code == "no_answer"


@pytest.mark.parametrize(("status", "gone"), [(500, False), (404, False), (429, False), (410, True)])
def test_a_status_is_told_and_only_410_is_for_good(receiver: Receiver, status: int, gone: bool) -> None:
    receiver.answers = [status]

    error = failure()

    assert (error.code, error.gone) == (f"http_{status}", gone)


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("headers", "asked_s"),
    [
        ({"Retry-After": "120"}, 120),
        ({"Retry-After": "Sun, 22 Nov 2026 17:35:00 GMT", "Date": "Sun, 22 Nov 2026 17:05:00 GMT"}, 1800),
        ({"Retry-After": "Sun, 22 Nov 2026 17:05:00 GMT", "Date": "Sun, 22 Nov 2026 17:35:00 GMT"}, 0),
        ({"Retry-After": "soon"}, 0),
        ({"Retry-After": "-60"}, 0),
        ({"Retry-After": "١٢"}, 0),
        ({"Retry-After": "9" * 400}, 0),
        ({"Retry-After": "Sun, 99 Nov 2026 99:99:99 GMT"}, 0),
        ({}, 0),
    ],
)
def test_how_long_a_receiver_wants_to_be_left_alone_is_told(
    receiver: Receiver, status: int, headers: dict[str, str], asked_s: float
) -> None:
    receiver.answers = [status]
    receiver.headers = {name: value.encode().decode("latin-1") for name, value in headers.items()}

    assert failure().retry_after_s == asked_s


def test_a_date_without_the_receiver_s_clock_is_taken_by_ours(receiver: Receiver) -> None:
    receiver.answers = [503]
    receiver.headers = {"Retry-After": format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)}
    receiver.headers["Date"] = "no date"

    assert 3590 < failure().retry_after_s <= 3600


def test_only_one_that_says_later_is_asked_when(receiver: Receiver) -> None:
    receiver.answers, receiver.headers = [500], {"Retry-After": "120"}

    assert failure().retry_after_s == 0


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed(receiver: Receiver, status: int) -> None:
    receiver.answers = [status]

    assert failure().code == f"http_{status}"
    assert receiver.asked == len(receiver.bodies) == 1


def test_a_line_that_is_cut_is_told(receiver: Receiver) -> None:
    receiver.answers = ["hang up"]

    assert failure().code == "connection"


def test_a_certificate_that_nobody_vouches_for_is_not_told_anything(settings: Any) -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(SELF_SIGNED)

    with receiving(tls) as receiver:
        settings.NOTIFY_WEBHOOK_URL, settings.NOTIFY_WEBHOOK_SECRET = receiver.url, SECRET
        code = failure().code

    assert code == "certificate"
    assert not receiver.bodies


def test_an_error_names_neither_the_address_nor_the_secret(receiver: Receiver, settings: Any) -> None:
    settings.NOTIFY_WEBHOOK_URL = f"{receiver.url}?token=hush"
    receiver.answers = [500]

    assert "hush" not in f"{failure()!r}"

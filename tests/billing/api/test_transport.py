"""One HTTP try, and the policy around it."""

import logging
import ssl
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from time_machine import TimeMachineFixture

from billing.client import LagoClient
from tests.billing.api.calls import CREATED, HTML, Connect, create, failure
from tests.billing.conftest import KEY
from tests.billing.objects import customer, organization, refusal
from tests.billing.scripted import Answer, Scripted, scripted_server

SELF_SIGNED = Path(__file__).parents[1] / "self_signed.pem"

# What is sent


def test_requests_carry_the_key_and_ask_for_json(client: LagoClient, scripted: Scripted) -> None:
    scripted.answers(organization())

    client.organization()

    headers = scripted.asked[0].headers
    assert headers["Authorization"] == f"Bearer {KEY}"
    assert headers["Accept"] == "application/json"
    assert headers["User-Agent"] == "polaris-backfill"


def test_a_netrc_does_not_replace_the_key(
    scripted: Scripted, connect: Connect, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login someone password else\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    scripted.answers(organization())

    connect(scripted.url).organization()

    assert scripted.asked[0].headers["Authorization"] == f"Bearer {KEY}"


def test_cookies_are_not_kept(client: LagoClient, scripted: Scripted) -> None:
    scripted.answers(Answer(body=organization().body, headers={"Set-Cookie": "a=b; Path=/"}))

    client.organization()
    client.organization()

    assert "Cookie" not in scripted.asked[1].headers


def test_the_key_is_neither_shown_nor_logged(
    client: LagoClient, scripted: Scripted, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    scripted.answers(Answer(500, b""))

    error = failure(client.organization)

    assert caplog.text
    assert KEY not in caplog.text + repr(client) + repr(error) + str(vars(error))


# Trying again


@pytest.mark.parametrize(
    "trouble",
    [
        Answer(500, {"status": 500}),
        Answer(502, b"<html>Bad gateway</html>", {"Content-Type": "text/html"}),
        Answer(429, b""),
        Answer(hang_up=True),
        Answer(body={"customer": customer("A1")}, cut=10),
        HTML,
    ],
    ids=["500", "502 html", "429", "hang up", "cut short", "200 html"],
)
def test_reads_and_writes_survive_trouble(client: LagoClient, scripted: Scripted, trouble: Answer) -> None:
    scripted.answers(trouble, trouble, CREATED)

    create(client)

    assert client.calls == len(scripted.asked) == 3


@pytest.mark.parametrize(
    ("trouble", "sent"),
    [
        (Answer(500, {"status": 500}), True),
        (Answer(504, b""), True),
        (Answer(429, b""), False),
        (Answer(hang_up=True), True),
        (Answer(body={"customer": {}}, cut=3), True),
        (Answer(200, b"OK"), True),
        (HTML, True),
    ],
    ids=["500", "504", "429", "hang up", "cut short", "200 text", "200 html"],
)
def test_when_all_tries_fail_the_error_says_whether_it_may_be_done(
    client: LagoClient, scripted: Scripted, trouble: Answer, sent: bool
) -> None:
    scripted.answers(trouble)

    error = failure(lambda: create(client))

    assert (error.sent, error.down, error.repeatable) == (sent, True, True)
    assert len(scripted.asked) == 5


def test_what_one_try_may_have_done_a_later_refusal_does_not_undo(
    client: LagoClient, scripted: Scripted
) -> None:
    scripted.answers(Answer(hang_up=True), refusal(422, "validation_errors", email=["value_is_invalid"]))

    error = failure(lambda: create(client))

    assert (error.code, error.sent) == ("lago_refused", True)


def test_a_read_is_never_sent(client: LagoClient, scripted: Scripted) -> None:
    scripted.answers(Answer(500, b""))

    assert failure(client.organization).sent is False


def test_no_connection_means_that_nothing_was_done(connect: Connect) -> None:
    client = connect("http://127.0.0.1:9")

    error = failure(lambda: create(client))

    assert "http://127.0.0.1:9 cannot be reached (no connection): check LAGO_API_URL" in str(error)
    assert (error.code, error.status, error.sent, error.down) == ("lago_unreachable", None, False, True)
    assert client.calls == 5


def test_an_unknown_host_is_no_connection(connect: Connect) -> None:
    error = failure(connect("http://lago.invalid", tries=1).organization)

    assert "(no connection)" in str(error)


def test_no_answer_in_time_may_have_been_done(scripted: Scripted, connect: Connect) -> None:
    scripted.answers(Answer(silent=True))

    error = failure(lambda: create(connect(scripted.url, tries=1, timeout_s=0.1)))

    assert "(no answer in time)" in str(error)
    assert (error.code, error.sent) == ("lago_unreachable", True)


def test_a_server_without_tls_is_said_to_be_so(scripted: Scripted, connect: Connect) -> None:
    client = connect(scripted.url.replace("http:", "https:"))

    error = failure(client.organization)

    assert "(no TLS connection)" in str(error)
    assert (error.code, error.down) == ("lago_unreachable", True)


def test_a_certificate_that_nobody_vouches_for_is_not_tried_again(connect: Connect) -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(SELF_SIGNED)

    with scripted_server(tls) as server:
        client = connect(server.url)
        error = failure(lambda: create(client))

    assert "(its certificate is not accepted)" in str(error)
    assert (error.code, error.sent, error.repeatable) == ("lago_unreachable", False, False)
    assert client.calls == 1


def test_waits_grow_and_stay_bounded(scripted: Scripted, connect: Connect, naps: list[float]) -> None:
    scripted.answers(Answer(503, b""))

    failure(connect(scripted.url, tries=9, backoff_s=0.5).organization)

    assert len(naps) == 8
    assert naps[0] < naps[2] < naps[4] <= max(naps) == 8.0


def test_retry_after_is_honoured(client: LagoClient, scripted: Scripted, naps: list[float]) -> None:
    scripted.answers(Answer(429, b"", {"Retry-After": "7"}), organization())

    client.organization()

    assert naps[0] == 7.0


def test_the_quotas_reset_is_honoured(client: LagoClient, scripted: Scripted, naps: list[float]) -> None:
    scripted.answers(Answer(429, b"", {"X-RateLimit-Reset": "3"}), organization())

    client.organization()

    assert naps[0] == 3.0


def test_a_reset_given_as_an_instant_is_understood(
    client: LagoClient, scripted: Scripted, naps: list[float], time_machine: TimeMachineFixture
) -> None:
    time_machine.move_to("2026-11-22T12:00:00Z", tick=False)
    in_twenty = str(int(datetime(2026, 11, 22, 12, 0, 20, tzinfo=UTC).timestamp()))
    scripted.answers(Answer(429, b"", {"X-RateLimit-Reset": in_twenty}), organization())

    client.organization()

    assert naps[0] == 20


@pytest.mark.parametrize("nonsense", ["soon", "-5", "nan", "inf", "Fri, 99 Foo"])
def test_a_senseless_wait_is_ignored(
    client: LagoClient, scripted: Scripted, naps: list[float], nonsense: str
) -> None:
    scripted.answers(Answer(429, b"", {"Retry-After": nonsense}), organization())

    client.organization()

    assert 0 < naps[0] <= 1


def test_nobody_waits_longer_than_a_minute(client: LagoClient, scripted: Scripted, naps: list[float]) -> None:
    scripted.answers(Answer(429, b"", {"Retry-After": "Fri, 31 Dec 2100 23:59:59 GMT"}), organization())

    client.organization()

    assert naps[0] == 60.0


def test_a_spent_quota_holds_back_the_next_call_too(
    client: LagoClient, scripted: Scripted, naps: list[float]
) -> None:
    spent = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "60"}
    scripted.answers(Answer(body=organization().body, headers=spent), organization())

    client.organization()
    client.organization()

    assert len(naps) == 1
    assert 0 < naps[0] <= 60


# Threads


def test_threads_share_connections_and_count(scripted: Scripted, connect: Connect) -> None:
    client = connect(scripted.url, pool_size=4)
    scripted.answers(organization())

    with ThreadPoolExecutor(4) as pool:
        names = [answer.result().name for answer in [pool.submit(client.organization) for _ in range(100)]]

    assert names == ["Acme Charging"] * 100
    assert client.calls == 100


def test_the_rate_holds_for_all_threads_together(
    scripted: Scripted, connect: Connect, naps: list[float]
) -> None:
    client = connect(scripted.url, rate_per_s=0.001, pool_size=4, sleep=naps.append)
    scripted.answers(organization())

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: client.organization(), range(40)))

    # One goes at once, and the others a thousand seconds apart, beside which what the calls take is little.
    assert [round(nap / 1000) for nap in sorted(naps)] == list(range(1, 40))

"""One HTTP try, and the policy around it."""

import logging
import shutil
import ssl
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from billing.client import LagoClient, LagoError
from tests.billing.conftest import KEY
from tests.billing.objects import customer, organization, refusal
from tests.billing.scripted import Answer, Scripted, scripted_server

Connect = Callable[..., LagoClient]

HTML = Answer(200, b"<html>Welcome</html>", {"Content-Type": "text/html"})
CREATED = Answer(body={"customer": customer("A1", created_at="2099-01-01T00:00:00Z")})


def create(client: LagoClient) -> None:
    client.create_customer(external_id="A1", name="Ada", email="ada@example.com")


def failure(call: Callable[[], object]) -> LagoError:
    with pytest.raises(LagoError) as caught:
        call()
    return caught.value


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


@pytest.mark.parametrize("suffix", ["", "/", "/api/v1", "/api/v1/"])
def test_the_base_address_is_taken_in_any_spelling(scripted: Scripted, connect: Connect, suffix: str) -> None:
    scripted.answers(organization())

    connect(scripted.url + suffix).organization()

    assert scripted.targets() == ["/api/v1/organizations"]


def test_a_base_address_may_have_a_path(scripted: Scripted, connect: Connect) -> None:
    scripted.answers(organization())

    connect(scripted.url + "/lago/").organization()

    assert scripted.targets() == ["/lago/api/v1/organizations"]


@pytest.mark.parametrize(
    ("external_id", "segment"),
    [
        ("a/b", "a%2Fb"),
        ("a b", "a%20b"),
        ("a?b#c", "a%3Fb%23c"),
        ("a%2Eb", "a%252Eb"),
        ("ü", "%C3%BC"),
        ("../plans", "%2E%2E%2Fplans"),
    ],
)
def test_an_id_reaches_the_wire_as_one_segment(
    client: LagoClient, scripted: Scripted, external_id: str, segment: str
) -> None:
    scripted.answers(refusal(404, "billable_metric_not_found"))

    client.billable_metric(external_id)

    assert scripted.targets() == [f"/api/v1/billable_metrics/{segment}"]


@pytest.mark.parametrize("external_id", ["", ".", ".."])
def test_an_id_that_would_change_the_address_is_never_sent(
    client: LagoClient, scripted: Scripted, external_id: str
) -> None:
    with pytest.raises(ValueError, match="cannot be part of an address"):
        client.customer(external_id)

    assert scripted.asked == []


# What comes back


def test_a_wrong_key_is_said_and_not_tried_again(client: LagoClient, scripted: Scripted) -> None:
    scripted.answers(Answer(401, {"status": 401, "error": "Unauthorized"}))

    error = failure(client.organization)

    assert str(error) == "Lago refused the key (401): check LAGO_API_KEY"
    assert (error.code, error.status, error.sent, error.repeatable) == ("lago_refused", 401, False, False)
    assert len(scripted.asked) == 1


def test_a_refusal_names_the_fields_and_hides_the_values(client: LagoClient, scripted: Scripted) -> None:
    details = {"email": ["invalid_email_format"], "ada@example.com": ["x"]}
    scripted.answers(refusal(422, "validation_errors", **details))

    error = failure(lambda: create(client))

    assert str(error) == "Lago refused POST customers (422 validation_errors): email"
    assert (error.code, error.lago_code) == ("lago_refused", "validation_errors")
    assert error.details == details
    assert (error.sent, error.down, error.repeatable) == (False, False, False)
    assert len(scripted.asked) == 1


def test_only_lagos_own_words_are_shown(client: LagoClient, scripted: Scripted) -> None:
    scripted.answers(
        Answer(400, {"code": "No such user ada@example.com", "error_details": "ada@example.com"})
    )

    error = failure(lambda: create(client))

    assert str(error) == "Lago refused POST customers (400)"
    assert error.lago_code == ""
    assert error.details == {}


@pytest.mark.parametrize(
    "answer",
    [
        refusal(404, "resource_not_found"),
        Answer(404, b""),
        Answer(404, b"<html>nginx</html>", {"Content-Type": "text/html"}),
        Answer(404, {"message": "no Route matched with those values"}),
    ],
    ids=["no such route", "empty", "html", "gateway"],
)
def test_a_404_that_is_not_about_the_thing_is_no_absence(
    client: LagoClient, scripted: Scripted, answer: Answer
) -> None:
    scripted.answers(answer)

    error = failure(lambda: client.customer("A1"))

    assert "check LAGO_API_URL" in str(error)
    assert len(scripted.asked) == 1


def test_a_redirect_is_not_followed(client: LagoClient, scripted: Scripted) -> None:
    scripted.answers(Answer(301, b"", {"Location": "/elsewhere"}))

    error = failure(client.organization)

    assert "redirected (301): check LAGO_API_URL" in str(error)
    assert (error.code, error.down, error.repeatable) == ("lago_unreachable", True, False)
    assert scripted.targets() == ["/api/v1/organizations"]


def test_html_in_lagos_place_is_told_apart_from_lago(client: LagoClient, scripted: Scripted) -> None:
    scripted.answers(HTML)

    error = failure(client.organization)

    assert "not by Lago: check LAGO_API_URL" in str(error)
    assert (error.code, error.down) == ("lago_unreachable", True)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"\xff\xfe"',
        "grüße".encode("latin-1"),
        b"[" * 100_000,
        b'{"something": "else"}',
    ],
)
def test_a_success_that_is_not_what_was_asked_for_is_unexpected(
    client: LagoClient, scripted: Scripted, content: bytes
) -> None:
    scripted.answers(Answer(200, content))

    error = failure(client.organization)

    assert (error.code, error.status, error.sent) == ("lago_unexpected", 200, False)
    assert len(scripted.asked) == 5


def test_a_success_without_usable_fields_is_unexpected(client: LagoClient, scripted: Scripted) -> None:
    scripted.answers(Answer(body={"organization": {"lago_id": 7}}))

    error = failure(client.organization)

    assert error.code == "lago_unexpected"
    assert len(scripted.asked) == 1


def test_a_body_without_end_is_given_up(
    client: LagoClient, scripted: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("billing.api.replies.MAX_BODY", 1000)
    scripted.answers(Answer(body={"organization": "x" * 100_000}))

    error = failure(lambda: client.organization(tries=1))

    assert error.code == "lago_unexpected"


def test_letters_beyond_ascii_arrive_whole(client: LagoClient, scripted: Scripted) -> None:
    scripted.answers(organization(name="Zürich 充電"))

    assert client.organization().name == "Zürich 充電"


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
    scripted.answers(Answer(delay_s=0.3))

    error = failure(lambda: create(connect(scripted.url, tries=1, timeout_s=0.1)))

    assert "(no answer in time)" in str(error)
    assert (error.code, error.sent) == ("lago_unreachable", True)


def test_a_server_without_tls_is_said_to_be_so(scripted: Scripted, connect: Connect) -> None:
    client = connect(scripted.url.replace("http:", "https:"))

    error = failure(client.organization)

    assert "(no TLS connection)" in str(error)
    assert (error.code, error.down) == ("lago_unreachable", True)


@pytest.mark.skipif(not shutil.which("openssl"), reason="makes a certificate with openssl")
def test_a_certificate_that_nobody_vouches_for_is_not_tried_again(connect: Connect, tmp_path: Path) -> None:
    files = ["-keyout", str(tmp_path / "key"), "-out", str(tmp_path / "certificate")]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=lago", *files]
    subprocess.run(command, check=True, capture_output=True)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(tmp_path / "certificate", tmp_path / "key")

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
    client: LagoClient, scripted: Scripted, naps: list[float]
) -> None:
    soon = str(int(time.time()) + 20)
    scripted.answers(Answer(429, b"", {"X-RateLimit-Reset": soon}), organization())

    client.organization()

    assert 15 < naps[0] <= 20


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
    spent = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "2"}
    scripted.answers(Answer(body=organization().body, headers=spent), organization())

    client.organization()
    client.organization()

    assert len(naps) == 1
    assert 1.5 < naps[0] <= 2


# Threads


def test_threads_share_connections_and_count(scripted: Scripted, connect: Connect) -> None:
    client = connect(scripted.url, pool_size=4)
    scripted.answers(organization())

    with ThreadPoolExecutor(4) as pool:
        names = [answer.result().name for answer in [pool.submit(client.organization) for _ in range(100)]]

    assert names == ["Acme Charging"] * 100
    assert client.calls == 100


def test_the_rate_holds_for_all_threads_together(scripted: Scripted, connect: Connect) -> None:
    client = connect(scripted.url, rate_per_s=100, pool_size=4, sleep=time.sleep)
    scripted.answers(organization())

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: client.organization(), range(40)))

    moments = sorted(asked.at for asked in scripted.asked)
    assert moments[-1] - moments[0] >= 0.33  # 40 calls, 4 of them at once, then 100 a second


# The key


def test_the_key_is_neither_shown_nor_logged(
    client: LagoClient, scripted: Scripted, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    scripted.answers(Answer(500, b""))

    error = failure(client.organization)

    assert caplog.text
    assert KEY not in caplog.text + repr(client) + repr(error) + str(vars(error))


@pytest.mark.parametrize("key", ["", "with blank", "line\nbreak", "schlüssel"])
def test_a_key_that_no_header_can_hold_is_refused_unseen(key: str) -> None:
    with pytest.raises(ValueError, match="LAGO_API_KEY") as caught:
        LagoClient("http://localhost", key)

    assert not key or key not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    ["", "lago:3000", "ftp://lago", "http://", "http://lago?x=1", "http://me:secret@lago", "http://a:b"],
)
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="LAGO_API_URL") as caught:
        LagoClient(url, KEY)

    assert "secret" not in str(caught.value)

"""The client of SteVe against the stand-in, over real HTTP."""

import http.server
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from charging import OcppTag, SteveClient, SteveError
from charging.client import _period
from rehearsal.steve import SteveSandbox
from tests.charging.factories import NEXT_YEAR, charged, charging, client_of

ID_TAG = "A1B2C3D4"
REST = "/steve/api/v1/ocppTags"


@pytest.fixture
def steve() -> Iterator[SteveSandbox]:
    with SteveSandbox(charge_boxes=["TEST-1", "TEST-2"]) as sandbox:
        yield sandbox


@pytest.fixture
def client(steve: SteveSandbox) -> Iterator[SteveClient]:
    client = client_of(steve)
    yield client
    client.close()


def failure_of(client: SteveClient) -> SteveError:
    """Read the whole list, which is expected to fail."""
    with pytest.raises(SteveError) as caught:
        client.id_tags()
    client.close()
    return caught.value


def creation_failure(client: SteveClient) -> SteveError:
    with pytest.raises(SteveError) as caught:
        client.create_id_tag(ID_TAG, max_active_transaction_count=-1)
    client.close()
    assert ID_TAG not in str(caught.value)
    return caught.value


# --- Getting in --------------------------------------------------------------------------------------


def test_preflight_accepts_good_credentials(client: SteveClient) -> None:
    client.preflight()


def test_a_wrong_key_is_refused_at_once_and_not_shown(steve: SteveSandbox) -> None:
    error = failure_of(client_of(steve, key="wrong-key-123"))

    assert (error.code, error.status, error.down) == ("steve_refused", 401, False)
    assert "STEVE_API_KEY" in str(error)
    assert "wrong-key-123" not in str(error)
    assert steve.state()["requests"] == {f"GET {REST}": 1}


def test_a_key_outside_ascii_is_sent_as_utf_8() -> None:
    with SteveSandbox(username="jürgen", key="schlüssel") as steve:
        client = client_of(steve)

        client.preflight()

        client.close()


@pytest.mark.parametrize("base", ["{}", "{}/", "{}/api", "{}/api/"])
def test_the_base_may_be_written_in_several_ways(steve: SteveSandbox, base: str) -> None:
    client = SteveClient(base.format(steve.url), steve.username, steve.key)

    client.preflight()

    assert client.url == steve.url
    client.close()


@pytest.mark.parametrize("base", ["", "localhost:8080", "ftp://host/steve", "http://user:secret@host/steve"])
def test_a_base_that_is_no_address_is_refused_without_showing_it(base: str) -> None:
    with pytest.raises(ValueError, match="STEVE_BASE_URL") as caught:
        SteveClient(base, "user", "key")

    assert "secret" not in str(caught.value)


def test_credentials_must_not_be_blank() -> None:
    with pytest.raises(ValueError, match="STEVE_API_USERNAME and STEVE_API_KEY"):
        SteveClient("http://localhost/steve", "user", "")


# --- idTags ------------------------------------------------------------------------------------------


def test_all_id_tags_are_read_as_steve_spells_them(steve: SteveSandbox, client: SteveClient) -> None:
    steve.world.add_tag(ID_TAG)
    steve.world.add_tag("Other-1", max_active_transaction_count=0)

    found = client.id_tags()

    assert {tag.id_tag: tag.is_blocked for tag in found} == {ID_TAG: False, "Other-1": True}


def test_everything_steve_says_of_an_id_tag_is_read(steve: SteveSandbox, client: SteveClient) -> None:
    steve.world.add_tag("FLEET")
    tag = steve.world.add_tag(ID_TAG, parent_id_tag="FLEET", expiry_date=NEXT_YEAR, note="van", user_pk=7)
    charging(steve, ID_TAG)

    found = client.find_id_tag("a1b2c3d4")

    assert found == OcppTag(
        ocpp_tag_pk=tag.pk,
        id_tag=ID_TAG,
        max_active_transaction_count=-1,
        parent_id_tag="FLEET",
        expiry_date="2030-11-22T12:00:00.000Z",
        expires_at=NEXT_YEAR,
        note="van",
        user_pk=7,
        in_transaction=True,
    )


def test_an_id_tag_that_is_not_there_is_none(client: SteveClient) -> None:
    assert client.find_id_tag(ID_TAG) is None
    assert client.get_id_tag(99) is None


def test_a_created_id_tag_is_given_back(steve: SteveSandbox, client: SteveClient) -> None:
    tag = client.create_id_tag(ID_TAG, max_active_transaction_count=-1, note="new")

    stored = steve.world.tags[tag.ocpp_tag_pk]
    assert (stored.id_tag, stored.max_active_transaction_count, stored.note) == (ID_TAG, -1, "new")


def test_an_id_tag_of_another_spelling_is_refused_once(steve: SteveSandbox, client: SteveClient) -> None:
    steve.world.add_tag("a1b2c3d4")

    error = creation_failure(client)

    assert (error.code, error.status, error.sent) == ("steve_refused", 422, False)
    assert steve.state()["requests"] == {f"POST {REST}": 1}


def test_an_update_changes_the_limit_and_nothing_else(steve: SteveSandbox, client: SteveClient) -> None:
    steve.world.add_tag("FLEET")
    steve.world.add_tag(
        ID_TAG, max_active_transaction_count=0, parent_id_tag="FLEET", expiry_date=NEXT_YEAR, note="van"
    )
    before = client.find_id_tag(ID_TAG)
    assert before is not None

    after = client.update_id_tag(before, max_active_transaction_count=-1)

    assert (after.parent_id_tag, after.expires_at, after.note) == ("FLEET", NEXT_YEAR, "van")
    assert after.max_active_transaction_count == -1


def test_deleting_says_whether_it_was_there(steve: SteveSandbox, client: SteveClient) -> None:
    tag = steve.world.add_tag(ID_TAG)

    assert client.delete_id_tag(tag.pk) is True
    assert client.delete_id_tag(tag.pk) is False


# --- Charging sessions -------------------------------------------------------------------------------


def test_a_finished_session_is_read_with_its_energy(steve: SteveSandbox, client: SteveClient) -> None:
    steve.world.add_tag(ID_TAG)
    started_at = datetime(2026, 11, 1, 8, tzinfo=UTC)
    pk = charged(steve, "a1b2c3d4", started_at=started_at)

    (session,) = client.transactions()

    assert (session.transaction_pk, session.id_tag, session.charge_box_id) == (pk, "a1b2c3d4", "TEST-1")
    assert (session.started_at, session.stopped_at) == (started_at, started_at + timedelta(hours=1))
    assert (session.energy_wh, session.is_running, session.stop_reason) == (5000.0, False, "Local")


def test_a_running_session_has_no_energy_yet(steve: SteveSandbox, client: SteveClient) -> None:
    steve.world.add_tag(ID_TAG)
    charged(steve, ID_TAG)
    pk = charging(steve, ID_TAG)

    (session,) = client.transactions(running_only=True)

    assert (session.transaction_pk, session.is_running, session.energy_wh) == (pk, True, None)


def test_sessions_of_one_id_tag_come_in_any_spelling_newest_first(
    steve: SteveSandbox, client: SteveClient
) -> None:
    steve.world.add_tag(ID_TAG)
    steve.world.add_tag("Other-1")
    first, _, last = charged(steve, ID_TAG), charged(steve, "Other-1"), charged(steve, "a1b2c3d4")

    found = client.transactions_of([ID_TAG])

    assert [session.transaction_pk for session in found] == [last, first]


def test_sessions_of_one_charge_box(steve: SteveSandbox, client: SteveClient) -> None:
    steve.world.add_tag(ID_TAG)
    charged(steve, ID_TAG)
    pk = charged(steve, ID_TAG, charge_box="TEST-2")

    assert [session.transaction_pk for session in client.transactions(charge_box_id="TEST-2")] == [pk]


@pytest.mark.parametrize("days", [0.5, 9, 50, 400])
def test_sessions_since_an_instant_leave_out_the_older_ones(
    steve: SteveSandbox, client: SteveClient, days: float
) -> None:
    steve.world.add_tag(ID_TAG)
    since = datetime.now(UTC).replace(microsecond=0) - timedelta(days=days)
    charged(steve, ID_TAG, started_at=since - timedelta(seconds=1))
    pk = charged(steve, ID_TAG, started_at=since)

    assert [session.transaction_pk for session in client.transactions(since=since)] == [pk]


@pytest.mark.parametrize(
    ("days", "period"), [(0, "LAST_10"), (8, "LAST_10"), (9, "LAST_30"), (88, "LAST_90"), (89, "ALL")]
)
def test_the_period_leaves_a_day_for_another_time_zone(days: int, period: str) -> None:
    now = datetime(2026, 11, 22, tzinfo=UTC)

    assert _period(now - timedelta(days=days), now) == period


# --- When it does not answer as it should ------------------------------------------------------------


@pytest.mark.parametrize("kind", ["500", "502_html", "not_json", "reset_before"])
def test_a_passing_fault_is_survived(steve: SteveSandbox, client: SteveClient, kind: str) -> None:
    steve.fault(f"{kind},times=2")

    tag = client.create_id_tag(ID_TAG, max_active_transaction_count=-1) if kind != "not_json" else None

    assert client.id_tags() == ([tag] if tag else [])


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("500", "steve_unreachable"),
        ("502_html", "steve_unreachable"),
        ("reset_before", "steve_unreachable"),
        ("not_json", "steve_unexpected"),
        ("wrong_json", "steve_unexpected"),
    ],
)
def test_a_lasting_fault_is_the_systems_not_the_rows(
    steve: SteveSandbox, client: SteveClient, kind: str, code: str
) -> None:
    steve.fault(f"{kind},times=forever")

    error = failure_of(client)

    assert (error.code, error.down, error.sent) == (code, True, False)


@pytest.mark.parametrize("kind", ["500_after", "not_json", "wrong_json", "reset_after"])
def test_a_write_without_a_usable_answer_may_have_been_done(
    steve: SteveSandbox, client: SteveClient, kind: str
) -> None:
    steve.fault(f"{kind},times=forever")

    error = creation_failure(client)

    assert error.sent
    assert len(steve.world.tags) == 1


def test_a_refused_second_try_does_not_unsend_the_first(steve: SteveSandbox, client: SteveClient) -> None:
    steve.fault("reset_after")

    error = creation_failure(client)

    assert (error.status, error.sent) == (422, True)


def test_a_slow_steve_is_not_waited_for_beyond_the_time_out(steve: SteveSandbox) -> None:
    steve.steer("POST", "latency", seconds=3600)

    error = creation_failure(client_of(steve, timeout_s=0.05, tries=2))

    assert (error.code, error.down, error.sent) == ("steve_unreachable", True, True)
    assert "did not answer within 0.05 s" in str(error)


def test_where_nobody_listens_nothing_was_sent() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        client = SteveClient(f"http://127.0.0.1:{unused.getsockname()[1]}/steve", "user", "key", backoff_s=0)

        error = creation_failure(client)

    assert (error.code, error.down, error.sent) == ("steve_unreachable", True, False)
    assert "no connection" in str(error)


class SomethingElse(http.server.BaseHTTPRequestHandler):
    """A web server that knows nothing of SteVe, and sends strangers to its front page."""

    def do_GET(self) -> None:
        self.send_response(404 if "ocppTags" in self.path else 302)
        self.send_header("Location", "/")
        self.send_header("Content-Length", "13")
        self.end_headers()
        self.wfile.write(b"<h1>Hello</h1"[:13])

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def stranger() -> Iterator[SteveClient]:
    server = http.server.HTTPServer(("127.0.0.1", 0), SomethingElse)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    client = SteveClient(f"http://127.0.0.1:{server.server_port}", "user", "key", backoff_s=0)
    yield client
    client.close()
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_strangers_404_does_not_pass_for_a_missing_id_tag(stranger: SteveClient) -> None:
    with pytest.raises(SteveError) as caught:
        stranger.get_id_tag(1)

    assert not caught.value.is_not_found
    assert "STEVE_BASE_URL" in str(caught.value)


def test_a_redirect_is_not_followed(stranger: SteveClient) -> None:
    with pytest.raises(SteveError) as caught:
        stranger.transactions()

    assert (caught.value.code, caught.value.status) == ("steve_unreachable", 302)

"""What is tried again, what is not, and how long it is waited for."""

import pytest

from charging import SteveClient, SteveError
from tests.billing.scripted import Answer, Asked, Scripted
from tests.charging.answers import BROKEN, DOUBLE, EMPTY, GATEWAY, NOT_THERE, id_tag
from tests.charging.conftest import Connect

CREATED = Answer(201, id_tag())
HANGS = Answer(silent=True)
CUT_OFF = Answer(hang_up=True)
ASKED = "/steve/api/v1/ocppTags?ocppTagPk=0"


def failure(client: SteveClient) -> SteveError:
    with pytest.raises(SteveError) as caught:
        create(client)
    return caught.value


def create(client: SteveClient) -> None:
    client.create_id_tag("A1B2C3D4", max_active_transaction_count=-1)


def methods(scripted: Scripted) -> list[str]:
    """Name the calls; the one that only asks whether SteVe works is `?`."""
    return ["?" if asked.target == ASKED else asked.method for asked in scripted.asked]


# --- 500: the caller's fault, or SteVe's -------------------------------------------------------------


def test_a_500_on_a_write_is_the_callers_while_steve_works(client: SteveClient, scripted: Scripted) -> None:
    scripted.answers(BROKEN, EMPTY, BROKEN)

    error = failure(client)

    assert (error.code, error.status, error.down, error.away) == ("steve_refused", 500, False, False)
    assert error.sent  # what was done of it is still to be looked for
    assert "SteVe failed at this one (500) and works otherwise" in str(error)
    assert methods(scripted) == ["POST", "?", "POST"]


def test_a_500_that_passes_is_survived(client: SteveClient, scripted: Scripted) -> None:
    scripted.answers(BROKEN, EMPTY, CREATED)

    create(client)

    assert methods(scripted) == ["POST", "?", "POST"]


def test_a_steve_that_answers_500_to_everything_is_away(client: SteveClient, scripted: Scripted) -> None:
    scripted.answers(BROKEN)

    error = failure(client)

    assert (error.code, error.down, error.away, error.sent) == ("steve_unreachable", True, True, True)
    assert "fails at a call that changes nothing too: see its log and its database" in str(error)
    assert methods(scripted) == ["POST", "?", "?", "?"]


def test_after_that_no_call_is_made_until_it_works(client: SteveClient, scripted: Scripted) -> None:
    scripted.answers(BROKEN)
    failure(client)
    made = len(scripted.asked)

    error = failure(client)

    assert (error.away, error.sent, len(scripted.asked)) == (True, False, made)


def test_a_read_that_fails_is_tried_again_while_steve_works(client: SteveClient, scripted: Scripted) -> None:
    scripted.answers(BROKEN, EMPTY, BROKEN, Answer(200, id_tag()))

    assert client.get_id_tag(1) is not None
    assert methods(scripted) == ["GET", "?", "GET", "GET"]


def test_a_read_of_a_steve_that_fails_at_everything_ends_soon(
    client: SteveClient, scripted: Scripted
) -> None:
    scripted.answers(BROKEN)

    with pytest.raises(SteveError) as caught:
        client.id_tags()

    assert caught.value.away
    assert methods(scripted) == ["GET", "?", "?", "?"]


# --- What is not in doubt ----------------------------------------------------------------------------


@pytest.mark.parametrize("answer", [GATEWAY, CUT_OFF, Answer(200, b"<h1>Welcome</h1>")])
def test_a_gateway_and_a_lost_connection_are_tried_again_and_nothing_else_is_asked(
    client: SteveClient, scripted: Scripted, naps: list[float], answer: Answer
) -> None:
    scripted.answers(answer, answer, CREATED)

    create(client)

    assert (methods(scripted), len(naps)) == (["POST"] * 3, 2)


@pytest.mark.parametrize("answer", [DOUBLE, NOT_THERE])
def test_a_refusal_is_final(client: SteveClient, scripted: Scripted, answer: Answer) -> None:
    scripted.answers(answer)

    error = failure(client)

    assert (error.status, error.down, methods(scripted)) == (answer.status, False, ["POST"])


# --- Time --------------------------------------------------------------------------------------------


def test_a_time_out_is_told_as_one_and_names_its_variable(scripted: Scripted, connect: Connect) -> None:
    scripted.answers(HANGS)

    error = failure(connect(f"{scripted.url}/steve", timeout_s=0.1))

    assert "SteVe did not answer within 0.1 s: see why it is slow, or set STEVE_TIMEOUT_S higher" in str(
        error
    )
    assert "cannot be reached" not in str(error)


def test_a_time_out_of_the_callers_own_names_no_variable(scripted: Scripted, connect: Connect) -> None:
    scripted.answers(HANGS)

    error = failure(connect(f"{scripted.url}/steve", timeout_s=0.1, tries=1))

    assert str(error).endswith("SteVe did not answer within 0.1 s")


def test_a_steve_that_hangs_is_asked_once_whether_it_works(scripted: Scripted, connect: Connect) -> None:
    scripted.answers(HANGS)

    error = failure(connect(f"{scripted.url}/steve", timeout_s=0.1))

    assert (error.away, error.sent, methods(scripted)) == (True, True, ["POST", "?"])


def test_a_look_that_was_late_is_tried_again_where_steve_works(scripted: Scripted, connect: Connect) -> None:
    scripted.answers(HANGS, EMPTY, EMPTY)

    found = connect(f"{scripted.url}/steve", timeout_s=3).id_tags()

    assert (found, methods(scripted)) == ([], ["GET", "?", "GET"])


def test_a_write_that_was_late_is_left_to_the_next_run_which_looks(
    scripted: Scripted, connect: Connect
) -> None:
    scripted.answers(HANGS, EMPTY)

    error = failure(connect(f"{scripted.url}/steve", timeout_s=3))

    assert (error.sent, error.away, methods(scripted)) == (True, False, ["POST", "?"])


def test_a_caller_who_tries_once_asks_nothing_else(scripted: Scripted, connect: Connect) -> None:
    scripted.answers(BROKEN)

    error = failure(connect(f"{scripted.url}/steve", tries=1))

    assert (error.down, error.away, methods(scripted)) == (True, False, ["POST"])


def test_an_answer_that_stops_half_way_was_not_in_time(scripted: Scripted, connect: Connect) -> None:
    def half(asked: Asked) -> Answer:
        return Answer(200, [id_tag()], {"Content-Length": "9999"})  # and the connection stays open

    scripted.route = half

    with pytest.raises(SteveError, match="did not answer within"):
        connect(scripted.url, timeout_s=0.1, tries=1).id_tags()


def test_more_id_tags_are_given_more_time(scripted: Scripted, connect: Connect) -> None:
    scripted.answers(Answer(200, [id_tag(f"TAG{number}", number) for number in range(2000)]))
    client = connect(scripted.url, timeout_s=30, pool_size=8)

    before = client.timeout_s
    client.id_tags()

    assert (before, client.timeout_s) == (30, pytest.approx(30 + 2000 * 8 * 0.00002))


def test_what_a_call_about_one_id_tag_costs_is_measured(client: SteveClient, scripted: Scripted) -> None:
    scripted.answers(EMPTY, EMPTY, CREATED)

    client.id_tags()
    unknown = client.call_s
    client.preflight()
    known = client.call_s

    assert unknown is None
    assert known is not None
    assert known > 0


def test_the_login_is_neither_shown_nor_logged(
    client: SteveClient, scripted: Scripted, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    scripted.answers(BROKEN)

    error = failure(client)

    assert "secret" not in str(error) + caplog.text

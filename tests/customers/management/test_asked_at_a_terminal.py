"""What `backfill_repair` and `backfill_cards` ask a person before they change anything, and each answer."""

import json
import os
import pty
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from customers.backfill.repair import plan_repair
from customers.models import IdTagMapping
from rehearsal.lago import Sandbox
from rehearsal.steve import SteveSandbox
from tests.customers.backfill.steve.world import manage, run_of, tags
from tests.customers.factories import imported, row, rows
from tests.polaris_backfill.processes import ROOT
from tests.support.processes import environment

pytestmark = pytest.mark.django_db
WRONG, TRUE = "15A1B2C6", "15-A1-B2-C6"
NO = ["no\n", "\n", "y\n", "\x04", "20260101-000000-abcd\n"]  # \x04 is Ctrl-D: nothing more comes
LATER_S = 0.5


@pytest.fixture
def broken(lago: Sandbox, steve: SteveSandbox) -> tuple[str, ...]:
    """The command for a run of which a card is out of use, which a repair puts to use again."""
    run = run_of(imported(rows(2)))
    IdTagMapping.objects.filter(id_tag="TAG0001").update(is_active=False)
    return ("backfill_repair", "--run-id", run.run_id)


@pytest.fixture
def misread(lago: Sandbox, steve: SteveSandbox) -> tuple[str, ...]:
    """The command for a run with a card whose true spelling was imported since."""
    run = run_of(imported([row(1, id_tag=WRONG)]))
    imported([row(1, id_tag=TRUE)], skip_existing=True)
    return ("backfill_cards", "--run-id", run.run_id, "--stop-wrong", "C-1")


def active() -> list[str]:
    return sorted(IdTagMapping.objects.filter(is_active=True).values_list("id_tag", flat=True))


@pytest.fixture
def ctrl_c(terminal: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have this process hear Ctrl-C while it waits for an answer."""
    wait = sys.stdin.readline

    def interrupted() -> str:
        reader = threading.main_thread().ident  # of several threads any may hear a signal, and one reads
        threading.Timer(LATER_S, signal.pthread_kill, (reader, signal.SIGINT)).start()
        return wait()

    monkeypatch.setattr(sys.stdin, "readline", interrupted)


# --- backfill_repair -----------------------------------------------------------------------------------


@pytest.mark.parametrize("typed", NO)
def test_a_repair_that_is_not_confirmed_repairs_nothing(
    broken: tuple[str, ...], terminal: int, typed: str
) -> None:
    os.write(terminal, typed.encode())

    code, out, err = manage(*broken)

    assert (code, out) == (2, "")
    assert err.index("To do: 1 thing in 1 row") < err.index("Type the run id to go on:")
    assert "Not confirmed; nothing was repaired." in err
    assert active() == ["TAG0002"]


def test_a_repair_is_confirmed_by_the_run_id(broken: tuple[str, ...], terminal: int) -> None:
    os.write(terminal, f"{broken[-1]}\n".encode())

    code, out, _ = manage(*broken, "--format", "json")

    assert (code, json.loads(out)["status"]) == (0, "repaired")
    assert active() == ["TAG0001", "TAG0002"]


def test_ctrl_c_at_the_question_of_a_repair_ends_it_at_once(broken: tuple[str, ...], ctrl_c: None) -> None:
    code, _, err = manage(*broken)

    assert (code, "Stopped at once." in err) == (130, True)
    assert active() == ["TAG0002"]


def test_ctrl_c_before_the_question_of_a_repair_has_nobody_asked(
    broken: tuple[str, ...], terminal: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def planned(*given: Any) -> Any:
        signal.raise_signal(signal.SIGINT)
        return plan_repair(*given)

    monkeypatch.setattr("customers.management.commands.backfill_repair.plan_repair", planned)

    code, out, err = manage(*broken)

    assert (code, "Type the run id" in err) == (130, False)
    assert "Nothing was repaired." in out
    assert active() == ["TAG0002"]


@pytest.mark.parametrize("way", ["no terminal", "--noinput", "--dry-run", "nothing to do"])
def test_nobody_is_asked_about_a_repair(
    broken: tuple[str, ...], way: str, request: pytest.FixtureRequest
) -> None:
    if way != "no terminal":
        request.getfixturevalue("terminal")
    if way == "nothing to do":
        IdTagMapping.objects.update(is_active=True)

    code, _, err = manage(*broken, *([way] if way.startswith("--") else []))

    assert "Type the run id" not in err
    assert (code, active() == ["TAG0002"]) == ((1, True) if way == "--dry-run" else (0, False))


def test_what_has_changed_since_it_was_shown_is_not_repaired(
    broken: tuple[str, ...], terminal: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer() -> str:
        IdTagMapping.objects.get(id_tag="TAG0002").delete()
        return f"{broken[-1]}\n"

    monkeypatch.setattr(sys.stdin, "readline", answer)

    code, _, err = manage(*broken)

    assert (code, active()) == (2, [])
    assert "has changed since it was shown" in err


# --- backfill_cards --------------------------------------------------------------------------------------


@pytest.mark.parametrize("typed", NO)
def test_a_wrong_spelling_is_not_switched_off_unless_somebody_says_yes(
    misread: tuple[str, ...], steve: SteveSandbox, terminal: int, typed: str
) -> None:
    os.write(terminal, typed.encode())

    code, out, err = manage(*misread)

    assert (code, out) == (2, "")
    assert "C-1: 15A1…, which is 15-A… in the run" in err
    assert WRONG not in err
    assert "Not confirmed; nothing was written, and nothing was switched off." in err
    assert active() == [TRUE, WRONG]
    assert not tags(steve)[WRONG]["blocked"]


def test_a_wrong_spelling_is_switched_off_by_yes(
    misread: tuple[str, ...], steve: SteveSandbox, terminal: int
) -> None:
    os.write(terminal, b"Yes\n")

    code, _, err = manage(*misread)

    assert (code, active(), tags(steve)[WRONG]["blocked"]) == (0, [TRUE], True)
    assert "Type yes to switch off 1 card:\nC-1: The card is off, and blocked in SteVe." in err


def test_an_answer_in_json_is_one_document(misread: tuple[str, ...], terminal: int) -> None:
    os.write(terminal, b"no\n")

    code, out, _ = manage(*misread, "--format", "json")

    assert code == 2
    assert "Not confirmed" in json.dumps(json.loads(out))


def test_ctrl_c_at_the_question_of_the_cards_ends_it_at_once(misread: tuple[str, ...], ctrl_c: None) -> None:
    code, _, err = manage(*misread)

    assert (code, "Stopped at once." in err) == (130, True)
    assert active() == [TRUE, WRONG]


@pytest.mark.parametrize("way", ["no terminal", "--dry-run", "a list"])
def test_nobody_is_asked_about_cards(
    misread: tuple[str, ...], way: str, request: pytest.FixtureRequest
) -> None:
    if way != "no terminal":
        request.getfixturevalue("terminal")
    call = misread[:3] if way == "a list" else misread

    code, _, err = manage(*call, *([way] if way.startswith("--") else []))

    assert (code, "Type yes" in err) == (0, False)
    assert active() == ([TRUE] if way == "no terminal" else [TRUE, WRONG])


def test_a_steve_that_fails_leaves_the_card_off_here_and_the_same_command_does_the_rest(
    misread: tuple[str, ...], steve: SteveSandbox
) -> None:
    steve.fault("500,method=PUT,times=forever")

    failed, _, told = manage(*misread)
    steve.clear_faults()
    done, _, _ = manage(*misread)

    assert (failed, done) == (1, 0)
    assert "C-1: The card is off here; elsewhere it is as it was:" in told
    assert "Run the same command once more." in told
    assert (active(), tags(steve)[WRONG]["blocked"]) == ([TRUE], True)


# --- as processes, with a terminal of their own ----------------------------------------------------------


@pytest.mark.matrix
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("which", "question"), [("broken", b"Type the run id to go on:"), ("misread", b"Type yes to switch off")]
)
@pytest.mark.parametrize(("key", "code"), [(b"\x03", 130), (b"\x04", 2)])
def test_keys_at_the_question_of_a_real_terminal(
    which: str, question: bytes, key: bytes, code: int, request: pytest.FixtureRequest, lago: Sandbox,
    steve: SteveSandbox, database_url: str, tmp_path: Path,
) -> None:  # fmt: skip
    arguments = request.getfixturevalue(which)
    before = active()
    env = environment(
        DATABASE_URL=database_url, LAGO_API_URL=lago.url, LAGO_API_KEY=lago.key, BACKFILL_LAGO_RATE="0",
        BACKFILL_LOG_DIR=str(tmp_path), TERM="xterm", **steve.variables(),
    )  # fmt: skip

    ended, drawn = at_a_terminal(arguments, env, question, key)

    assert (ended, active()) == (code, before), drawn


def at_a_terminal(
    arguments: tuple[str, ...], env: dict[str, str], question: bytes, key: bytes
) -> tuple[int, str]:
    """Run a command in a session of its own with its own terminal, and press a key when it asks."""
    ours, theirs = pty.openpty()
    line = [sys.executable, "-c", LEADS, str(ROOT / "manage.py"), *arguments]
    drawn, deadline = bytearray(), time.monotonic() + 60
    with subprocess.Popen(
        line, env=env, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    ) as process:
        os.close(theirs)
        pressed = False
        with suppress(OSError):  # this is how a terminal says that nobody is left
            while time.monotonic() < deadline and (block := os.read(ours, 65536)):
                drawn += block
                if question in drawn and not pressed:
                    pressed = True
                    time.sleep(LATER_S)
                    os.write(ours, key)
        os.close(ours)
        return process.wait(60), drawn.decode()


# Makes the terminal the session's own, so that Ctrl-C goes to whom it belongs, and becomes the command.
LEADS = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""

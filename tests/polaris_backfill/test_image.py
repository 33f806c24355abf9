"""The image: what .dockerignore lets in is all that runs, and nothing else."""

import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.polaris_backfill.build_context import copied, let_in
from tests.polaris_backfill.processes import PRODUCTION, ROOT

OURS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["mypy"]["packages"]
NAMED_IN = {
    "the linter's root packages": ("importlinter", "root_packages"),
    "what coverage measures": ("coverage", "run", "source"),
}
OF_A_LAPTOP = {"rehearsal"}
KINDS_THAT_RUN = (".py", ".css", ".js", ".svg", ".html", ".txt", ".mo")
# What an operator, or a hurried developer, may lay beside the sources.
LEFT_LYING = (
    ".env", "customers.csv", "customers/customers.csv", "customers/.env", "customers/backfill/export.xlsx",
    "polaris_backfill/.env.production", "examples/ours.csv", "examples/exports/tokens.json", "dump.sql",
    "billing/lago.key", "data/backfill/customers.csv", "templates/notes.md", "customers/__pycache__/a.pyc",
)  # fmt: skip


def dockerfile() -> str:
    return (ROOT / "Dockerfile").read_text()


def tracked(*patterns: str) -> set[str]:
    return set(subprocess.check_output(["git", "ls-files", *patterns], cwd=ROOT, text=True).split())


def sent(folder: Path) -> set[str]:
    return set(let_in(folder, (ROOT / ".dockerignore").read_text()))


def sources_in(folder: Path) -> set[str]:
    """The top-level folders of a tree that hold Python of ours."""
    found = subprocess.check_output(["git", "ls-files", "*.py"], cwd=folder, text=True).split()
    return {path.partition("/")[0] for path in found if "/" in path} - {"tests"}


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """A folder with just what a build copies, with nothing of the sources beside it."""
    folder = tmp_path / "app"
    for path in sent(ROOT) & tracked():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, folder / path)
    return folder


def run_in(
    folder: Path, python: Path | str, *arguments: str, **more: str
) -> subprocess.CompletedProcess[str]:
    variables: Mapping[str, str] = {**PRODUCTION, "ENV_FILE": "", "PATH": "/usr/bin:/bin", **more}
    return subprocess.run(
        [python, *arguments], cwd=folder, env=variables, capture_output=True, text=True, check=False
    )


def test_every_file_that_runs_is_in_the_image_and_no_other_of_its_folders() -> None:
    folders = sources_in(ROOT) - OF_A_LAPTOP
    runs = {path for path in tracked() if path.partition("/")[0] in folders}
    runs |= tracked("templates")
    runs = {path for path in runs if not path.endswith(".po")}  # of which the .mo are made

    files = sent(ROOT) & tracked()

    assert {Path(path).suffix for path in runs} <= set(KINDS_THAT_RUN)
    assert runs - files == set()
    assert files - runs == tracked("examples") | {
        ".env.example", "gunicorn.conf.py", "manage.py", "requirements-build.txt", "requirements.txt",
    }  # fmt: skip


def test_what_lies_beside_the_sources_stays_out(tmp_path: Path) -> None:
    """Files of customers and secrets, also in the folders that are let in."""
    for path in (*LEFT_LYING, "customers/apps.py"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()

    assert sent(tmp_path) == {"customers/apps.py"}


def test_every_folder_of_sources_is_typed_measured_and_linted() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]
    lists = {"types": set(OURS)}
    for what, keys in NAMED_IN.items():
        found = settings
        for key in keys:
            found = found[key]
        lists[what] = set(found)

    assert lists == dict.fromkeys(lists, sources_in(ROOT))


def test_it_collects_its_static_files_and_checks_itself(image: Path) -> None:
    """As the Dockerfile does, with nothing of the sources beside it."""
    for arguments in (["collectstatic", "--noinput"], ["check"]):
        done = run_in(image, sys.executable, "manage.py", *arguments)
        assert done.returncode == 0, done.stderr


def test_it_runs_as_a_number_that_is_not_root() -> None:
    (user,) = re.findall(r"^USER (.+)$", dockerfile(), re.MULTILINE)

    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user)
    assert f"--uid {user.partition(':')[0]} " in dockerfile()


def test_each_copy_takes_what_is_there() -> None:
    copies = copied(dockerfile())

    assert [copy for copy in copies if copy[0] != "."] == [
        ("requirements-build.txt", "requirements.txt", "./")
    ]
    assert copies[-1] == (".", ".")
    assert {name for copy in copies for name in copy[:-1] if name != "."} <= sent(ROOT)


@pytest.mark.matrix
def test_what_a_server_installs_is_enough_and_small(image: Path, tmp_path: Path) -> None:
    """The Dockerfile's own commands in a fresh environment: it starts, and there is no PostgreSQL in it."""
    venv = tmp_path / "venv"
    (block,) = re.findall(r"^RUN (python -m venv .+?[^\\])$", dockerfile(), re.MULTILINE | re.DOTALL)
    script = (
        block.replace("\\\n", " ").replace("/venv", str(venv)).replace("python -m", f"{sys.executable} -m", 1)
    )

    made = subprocess.run(["sh", "-ec", script], cwd=image, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    for arguments in (["collectstatic", "--noinput"], ["check", "--deploy", "--fail-level", "WARNING"]):
        done = run_in(image, venv / "bin" / "python", "manage.py", *arguments)
        assert done.returncode == 0, done.stderr
    without = run_in(image, venv / "bin" / "python", "manage.py", "check", DEBUG="1", DATABASE_URL="")

    packages = next(venv.glob("lib/python3.*/site-packages"))
    assert not list(packages.glob("*pgserver*")) + list(packages.glob("psutil*"))
    assert (without.returncode, without.stderr.partition(":")[0]) == (2, "Configuration")
    assert "requirements-laptop.txt" in without.stderr

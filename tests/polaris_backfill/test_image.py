"""The image: what .dockerignore lets in is all that runs, and nothing else."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.polaris_backfill.processes import PRODUCTION, ROOT

OURS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["mypy"]["packages"]
NAMED_IN = {
    "the linter's root packages": ("importlinter", "root_packages"),
    "what coverage measures": ("coverage", "run", "source"),
}


def let_in() -> list[str]:
    """The names that the allow-list lets in."""
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    assert "*" in lines, "everything stays out at first"
    return [line[1:].rstrip("/") for line in lines if line.startswith("!")]


def sources_in(folder: Path) -> set[str]:
    """The top-level folders of a tree that hold Python of ours."""
    tracked = subprocess.check_output(["git", "ls-files", "*.py"], cwd=folder, text=True).split()
    return {path.partition("/")[0] for path in tracked if "/" in path} - {"tests"}


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """A folder with just what a build copies."""
    for name in let_in():
        subprocess.run(["cp", "-R", str(ROOT / name), str(tmp_path / name)], check=True)
    return tmp_path


def test_every_folder_of_sources_is_in_the_image() -> None:
    assert sources_in(ROOT) <= set(let_in())


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
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=image, env={**PRODUCTION, "ENV_FILE": "", "PATH": "/usr/bin:/bin"},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr


def test_no_file_of_customers_and_no_secret_comes_along(image: Path) -> None:
    tracked = subprocess.check_output(["git", "ls-files"], cwd=ROOT, text=True).split()
    data = [path for path in tracked if path.endswith((".csv", ".xlsx", ".ods", ".env"))]

    assert [path for path in data if path.partition("/")[0] in let_in()] == [
        path for path in data if path.startswith("examples/")
    ]

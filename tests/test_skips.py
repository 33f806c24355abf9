"""What the suite makes of tests that are skipped."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests import conftest, skips
from tests.polaris_backfill.processes import ROOT

TESTS = """
import pytest

@pytest.fixture
def cable():
    pytest.skip("no cable: by a fixture")

@pytest.mark.skip(reason="no cable: by a mark")
def test_1(): ...

@pytest.mark.skipif(True, reason="no cable: by a condition")
def test_2(): ...

def test_3():
    pytest.skip("no cable: while it runs")

def test_4(cable): ...

def test_5():
    pytest.importorskip("no_cable", reason="no cable: for want of a module")

@pytest.mark.browser
def test_in_a_browser():
    pytest.skip("no cable: in a browser")

@pytest.mark.xfail(reason="not yet")
def test_that_fails():
    raise AssertionError
"""
SKIPPED = ["by a mark", "by a condition", "while it runs", "by a fixture", "for want of a module"]
MODULES = [
    "import pytest\npytest.skip('no cable', allow_module_level=True)",
    "import pytest\npytest.importorskip('no_cable', reason='no cable')",
]
IN_A_BROWSER = "import pytest\n\n@pytest.mark.browser\ndef test_it():\n    raise OSError"
REFUSED = "Only tests that need a browser may be skipped in CI: "


def test_the_suite_itself_is_held_to_it() -> None:
    hooks = [name for name in vars(skips) if name.startswith("pytest_")]

    assert len(hooks) == 3
    assert all(getattr(conftest, name) is getattr(skips, name) for name in hooks)


def outcome(folder: Path, *modules: str, options: str = "", **variables: str) -> tuple[int, str]:
    """Run these modules with the hooks of this suite; give the exit code and what is said."""
    (folder / "pytest.ini").write_text("[pytest]\nmarkers = browser\n")
    for number, module in enumerate(modules):
        (folder / f"test_{number}.py").write_text(module)
    line = (
        f"-m pytest -p tests.skips -p xdist -p no:cacheprovider -rA {options} -c {folder}/pytest.ini {folder}"
    )
    done = subprocess.run(
        [sys.executable, *line.split()], cwd=ROOT, capture_output=True, text=True,
        env={"PATH": "/usr/bin:/bin", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "COLUMNS": "300", **variables},
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("options", ["", "-n 1"], ids=["in one process", "in a worker"])
def test_a_skip_fails_where_ci_is_set_but_for_a_browser(tmp_path: Path, options: str) -> None:
    code, said = outcome(tmp_path, TESTS, options=options, CI="true")

    assert (code, "2 failed, 1 skipped, 1 xfailed, 3 errors" in said) == (1, True), said
    assert all(f"Skipped: no cable: {how}" in said for how in SKIPPED)


def test_a_module_that_is_skipped_fails_where_ci_is_set(tmp_path: Path) -> None:
    code, said = outcome(tmp_path, *MODULES, CI="true")

    assert (code, "2 errors" in said, REFUSED in said) == (2, True, True), said


def test_elsewhere_a_skip_is_a_skip(tmp_path: Path) -> None:
    code, said = outcome(tmp_path, TESTS, *MODULES)

    assert (code, "8 skipped, 1 xfailed" in said, REFUSED in said) == (0, True, False), said


def test_a_missing_browser_fails_where_ci_is_set(tmp_path: Path) -> None:
    code, said = outcome(tmp_path, IN_A_BROWSER, CI="true", PATH="/nowhere")

    assert (code, "1 failed" in said) == (1, True), said


def test_elsewhere_a_missing_browser_is_a_skip(tmp_path: Path) -> None:
    code, said = outcome(tmp_path, IN_A_BROWSER, PATH="/nowhere")

    assert (code, "apt install chromium" in said) == (0, True), said

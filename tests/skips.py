"""Hooks of pytest: what needs a browser is skipped where there is none, and in CI nothing else may be."""

import os
import shutil
from collections.abc import Generator
from typing import Any

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let a machine without a browser run the rest; where CI is set, a missing browser is a failure."""
    if shutil.which("chromium") or os.environ.get("CI"):
        return
    for item in items:
        if item.get_closest_marker("browser"):
            item.add_marker(pytest.mark.skip(reason="there is no chromium on the PATH: apt install chromium"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if not item.get_closest_marker("browser"):
        _fail_what_is_skipped(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Hear of a whole module that is skipped, too: its tests never come to a report of their own."""
    report = yield
    _fail_what_is_skipped(report)
    return report


def _fail_what_is_skipped(report: Any) -> None:
    if report.skipped and not hasattr(report, "wasxfail") and os.environ.get("CI"):
        report.outcome = "failed"
        report.longrepr = f"Only tests that need a browser may be skipped in CI: {report.longrepr}"

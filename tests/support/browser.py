"""A real browser."""

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.db import connections
from playwright.sync_api import Browser, Error, Page, expect, sync_playwright

PATIENCE_MS = 30_000
PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1280, "height": 800}
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start one beside Django, which is used from the thread in which Playwright's own loop runs."""
    expect.set_options(timeout=PATIENCE_MS)
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=ARGUMENTS)
        try:
            yield browser
        finally:
            connections.close_all()  # those that were made while that loop ran
            browser.close()


def shoot(page: Page, name: str) -> None:
    """Keep pictures of the page, of a phone and of a desk, where POLARIS_SCREENSHOTS names a folder."""
    folder = os.environ.get("POLARIS_SCREENSHOTS")
    if not folder:
        return
    for kind, size in (("phone", PHONE), ("desktop", DESKTOP)):
        page.set_viewport_size(size)  # type: ignore[arg-type]
        page.screenshot(path=Path(folder) / f"{name}-{kind}.png", full_page=True)


def until(page: Page, condition: str) -> None:
    """Wait until something is true of the page.

    Unless it is so at once, Playwright's own wait has the page evaluate a text, which our policy forbids.
    """
    deadline = time.monotonic() + PATIENCE_MS / 1000
    while not _is_true(page, condition):
        assert time.monotonic() < deadline, f"waited in vain: {condition}"
        page.wait_for_timeout(20)


def _is_true(page: Page, condition: str) -> bool:
    try:
        return bool(page.evaluate(condition))
    except Error:  # another page has come meanwhile
        return False


def is_wider_than_its_window(page: Page) -> bool:
    """Tell whether it scrolls sideways, once it is there: a click returns before the next page has come."""
    until(page, "document.readyState === 'complete' && document.body !== null")
    return bool(page.evaluate("document.documentElement.scrollWidth > window.innerWidth"))

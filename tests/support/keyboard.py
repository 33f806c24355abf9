"""Somebody who has no mouse."""

from pathlib import Path

from playwright.sync_api import Page, TimeoutError

from tests.support.browser import until

FOCUSED = """
() => {
  const one = document.activeElement;
  const labels = [...(one.labels ?? [])].map((label) => label.textContent);
  return [one.matches("a, button, summary") ? one.textContent : "", one.ariaLabel ?? "", ...labels].join(" ");
}
"""
IS_SHOWN = """
() => {
  const one = document.activeElement, at = one.getBoundingClientRect();
  return at.top < innerHeight && at.bottom > 0 && one.matches(":focus-visible");
}
"""
FAR = 200


def tab_to(page: Page, name: str) -> None:
    """Press Tab until the thing of that name has the focus, and can be seen to have it."""
    for _ in range(FAR):
        page.keyboard.press("Tab")
        if name in page.evaluate(FOCUSED):
            until(page, IS_SHOWN)  # a page scrolls there, which takes it a moment
            return
    raise AssertionError(f"the keyboard does not reach {name}")


def press(page: Page, name: str, key: str = "Enter") -> None:
    tab_to(page, name)
    page.keyboard.press(key)


def go(page: Page, name: str, key: str = "Enter") -> None:
    """Press what leads to another page, and wait until that is there."""
    tab_to(page, name)
    with page.expect_navigation():
        page.keyboard.press(key)


def write(page: Page, name: str, text: str) -> None:
    tab_to(page, name)
    page.keyboard.type(text)


def choose_file(page: Page, name: str, path: Path) -> None:
    """Press Enter until the browser asks for a file: on a busy machine it may not have heard the first."""
    tab_to(page, name)
    for patience_ms in (5_000, 10_000, 30_000):
        try:
            with page.expect_file_chooser(timeout=patience_ms) as chooser:
                page.keyboard.press("Enter")
            break
        except TimeoutError:
            continue
    chooser.value.set_files(path)

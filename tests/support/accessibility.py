"""What axe-core, the rules that browsers' own audits go by, finds wrong with a page."""

from collections.abc import Iterator, Sequence
from typing import Any

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page

from tests.support.browser import PHONE

DESK = {"width": 1440, "height": 900}
SIZES = {"desktop": DESK, "phone": PHONE}
GRAVE = ("serious", "critical")
COLOURS = ("color-contrast", "link-in-text-block")  # what a theme decides
LOOKS = (("light", "desktop"), ("dark", "phone"), ("dark", "desktop"), ("light", "phone"))

RUN = """
async ([theme, rules]) => {
  document.documentElement.classList.toggle("dark", theme === "dark");
  await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
  const only = rules.length ? { runOnly: { type: "rule", values: rules } } : {};
  const { violations } = await axe.run({ resultTypes: ["violations"], ...only });
  return violations.map((one) => [one.id, one.impact, one.nodes.map((node) => node.html.slice(0, 160))]);
}
"""
TOO_WIDE = """
() => [...document.querySelectorAll("table")].filter((table) => {
  const around = table.parentElement;
  return table.getBoundingClientRect().right > innerWidth || around.scrollWidth > around.clientWidth;
}).map((table) => "does not fit: " + table.textContent.trim().replace(/\\s+/g, " ").slice(0, 80))
"""


def faults_of(page: Page) -> list[str]:
    """Name what is serious on the page, light and dark, at a desk and on a phone.

    Each theme and each width goes through all rules once; the other two pairs only through those of colours.
    """
    page.evaluate(AXE_SCRIPT)  # over the debugger: the page's content policy does not even see it
    found = [
        fault for number, look in enumerate(LOOKS) for fault in _faults(page, *look, COLOURS * (number > 1))
    ]
    return sorted(set(found))


def too_wide(page: Page) -> list[str]:
    """Name the tables of which a desk does not show every column."""
    page.set_viewport_size(DESK)  # type: ignore[arg-type]
    found: list[str] = page.evaluate(TOO_WIDE)
    return found


def _faults(page: Page, theme: str, size: str, rules: Sequence[str]) -> Iterator[str]:
    page.set_viewport_size(SIZES[size])  # type: ignore[arg-type]
    found: list[Any] = page.evaluate(RUN, [theme, list(rules)])
    for rule, impact, places in found:
        if impact in GRAVE:
            yield from (f"{rule} ({theme}, {size}): {place}" for place in places)

"""Whatever a page of the handbook points to is there."""

import re
from pathlib import Path

import pytest

from tests.docs.handbook import DOCS, ROOT

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.glob("*.md"))]
LINK = re.compile(r"\]\(([^)\s]+)\)")


def anchors(path: Path) -> set[str]:
    """Give the names of the headings of a page, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", path.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_every_link_of_a_page_leads_somewhere(page):
    broken = [
        link
        for link in LINK.findall(page.read_text("utf-8"))
        if not link.startswith(("https://", "mailto:")) and not _leads_somewhere(page, link)
    ]

    assert broken == []


def _leads_somewhere(page: Path, link: str) -> bool:
    target, _, anchor = link.partition("#")
    path = (page.parent / target).resolve() if target else page
    return path.exists() and (not anchor or anchor in anchors(path))


def test_the_index_names_every_page():
    index = (DOCS / "README.md").read_text("utf-8")

    assert [
        path.name for path in DOCS.glob("*.md") if path.name != "README.md" and path.name not in index
    ] == []

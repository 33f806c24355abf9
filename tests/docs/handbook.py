"""Reads the handbook as a test needs it: its pages, its tables, and the blocks of commands in it.

A block of commands is fenced as `console`. The invisible comment before it says what a test makes of it:

    <!-- run exit=1 as=RUN_ID rate=40 stop -->   each `$` line is run; what is shown has to come, in order
    <!-- shown: why -->                          it is only shown

`exit`: the code with which each command of the block ends, 0 if not said. `as`: the name by which later
blocks call the run that this one imported. `rate`: calls to Lago per second. `stop`: Ctrl-C after the first
progress. `lago=down`: nobody answers at Lago's address. In what is shown, `…` stands for anything.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"

_BLOCK = re.compile(
    r"(?:<!-- (?P<about>[^>]*?) -->\n)?^```(?P<kind>\w*)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL
)
_ROW = re.compile(r"^\| (.*) \|$", re.MULTILINE)
_CODE = re.compile(r"`([^`]+)`")


@dataclass(frozen=True, slots=True)
class Command:
    """A command with what the handbook shows of its output, and how the test runs it."""

    typed: str
    shown: tuple[str, ...]
    options: dict[str, str]


@dataclass(frozen=True, slots=True)
class Block:
    about: str
    kind: str
    body: str

    @property
    def is_run(self) -> bool:
        return self.about.split(" ")[0] == "run"

    def commands(self) -> list[Command]:
        options = {name: value for name, _, value in (w.partition("=") for w in self.about.split()[1:])}
        parts = re.split(r"^\$ ", self.body.replace("\\\n", ""), flags=re.MULTILINE)[1:]
        lines = [part.splitlines() for part in parts]
        return [Command(first, tuple(filter(str.strip, rest)), options) for first, *rest in lines]


def page(name: str) -> str:
    return (DOCS / name).read_text("utf-8")


def blocks(text: str) -> Iterator[Block]:
    for found in _BLOCK.finditer(text):
        yield Block(found["about"] or "", found["kind"], found["body"])


def section(text: str, title: str) -> str:
    """Give what is below a heading, up to the next of the same rank or a higher one."""
    found = re.search(rf"^(#+) {re.escape(title)}$", text, re.MULTILINE)
    if found is None:
        raise LookupError(f"The page has no section {title!r}.")
    rest = text[found.end() :]
    end = re.search(rf"^#{{1,{len(found[1])}}} ", rest, re.MULTILINE)
    return rest[: end.start()] if end else rest


def table(text: str) -> list[list[str]]:
    """Give the cells of each row of the tables in a text, headers and rules left out."""
    rows = [re.split(r"(?<!\\) \| ?", cells + " ") for cells in _ROW.findall(text)]
    return [[cell.strip() for cell in row] for row in rows if not re.fullmatch(r"[-: |]*", "".join(row))]


def codes(text: str) -> list[str]:
    """Give what stands in code spans in the first column of the tables in a text."""
    return [code for row in table(text) for code in _CODE.findall(row[0])]

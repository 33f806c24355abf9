"""What a build of the image gets: the folder, less what .dockerignore keeps out, as Docker reads it."""

import os
import re
from collections.abc import Iterator
from pathlib import Path


def let_in(folder: Path, ignore: str) -> Iterator[str]:
    """Give the path of each file that is sent to the build; the last pattern that fits a path decides."""
    rules = [(line.lstrip("!"), line.startswith("!")) for line in _patterns(ignore)]
    for path in _files(folder):
        verdicts = [is_in for pattern, is_in in rules if _fits(pattern, path)]
        if not verdicts or verdicts[-1]:
            yield path


def copied(dockerfile: str) -> list[tuple[str, ...]]:
    """Give the arguments of each COPY that takes from the folder, not from another stage."""
    lines = re.findall(r"^COPY (?!--from)(.+)$", dockerfile, re.MULTILINE)
    return [tuple(line.split()) for line in lines]


def _patterns(ignore: str) -> Iterator[str]:
    for line in ignore.splitlines():
        if line.strip() and not line.startswith("#"):
            yield line.strip().rstrip("/")


def _files(folder: Path) -> Iterator[str]:
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in (".git", ".venv", ".data", "node_modules")]
        yield from (str((Path(place) / name).relative_to(folder)) for name in names)


def _fits(pattern: str, path: str) -> bool:
    """Return whether a pattern fits a path or a folder above it."""
    parts = path.split("/")
    above = ("/".join(parts[: n + 1]) for n in range(len(parts)))
    return any(re.fullmatch(_expression(pattern), one) for one in above)


def _expression(pattern: str) -> str:
    words = {"**/": "(.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    pieces = re.split(r"(\*\*/|\*\*|\*|\?)", pattern)
    return "".join(words.get(piece, re.escape(piece)) for piece in pieces)

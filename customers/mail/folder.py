"""The operator's own templates of mails: files of one folder (MAIL_TEMPLATES_DIR), read with distrust.

Nothing outside the folder is read, whatever a link in it points to, and nothing that is not a plain file.
What is wrong is said with the file and its line, in words for whoever wrote it.
"""

import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from customers.mail.errors import CannotCompose

FILE_MAX = 100 * 1024  # bytes; some mailboxes cut what is longer
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*\.(?:html|txt)")
NO_TEXT = re.compile(r"[^\t\n -\ud7ff\ue000-\U0010ffff]|\x7f")
VARIABLE = "MAIL_TEMPLATES_DIR"


@dataclass(frozen=True, slots=True)
class Source:
    """A template as it stands in its file."""

    file: str
    text: str

    @property
    def is_html(self) -> bool:
        return self.file.endswith(".html")

    def line_of(self, found: re.Match[str] | None) -> int:
        """Return the line on which something was found; 0 where it was not."""
        return self.text.count("\n", 0, found.start()) + 1 if found else 0


def unusable(file: str, what: str, line: int = 0) -> CannotCompose:
    """Say what is wrong with a template, where, and what to do."""
    return CannotCompose(f"{VARIABLE}, {file}{f', line {line}' if line else ''}: {what}")


def names() -> list[str]:
    """Return the names of what is in the folder; raise CannotCompose if it is none that can be read."""
    return sorted(path.name for path in _folder().iterdir()) if settings.MAIL_TEMPLATES_DIR else []


def find(name: str, language: str) -> Source | None:
    """Return a template of this language, or else the one for all; None where there is neither."""
    if not settings.MAIL_TEMPLATES_DIR:
        return None
    stem, _, ending = name.rpartition(".")
    return _read(f"{stem}.{language}.{ending}") or _read(name)


def _folder() -> Path:
    """Return the folder, and nothing that a link stands for."""
    given = Path(settings.MAIL_TEMPLATES_DIR)
    try:
        next(given.iterdir(), None)
        return given.resolve(strict=True)
    except FileNotFoundError:
        why = "is not there: make the folder, or correct the variable"
    except NotADirectoryError:
        why = "is no folder: name the folder that the templates are in"
    except (OSError, RuntimeError, ValueError):
        why = "cannot be read: let the user of this service read the folder"
    raise CannotCompose(f"{VARIABLE}: {given} {why}.")


def _read(file: str) -> Source | None:
    content = _content(file)
    if content is None:
        return None
    if len(content) > FILE_MAX:
        raise unusable(file, f"it is larger than {FILE_MAX // 1024} KB. Shorten it.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise unusable(file, "it is no UTF-8. Save it as UTF-8.", line) from None
    source = Source(file, text.replace("\r\n", "\n").replace("\r", "\n"))
    if odd := NO_TEXT.search(source.text):
        what = f"it holds the character U+{ord(odd.group()):04X}, which is no text. Take it out."
        raise unusable(file, what, source.line_of(odd))
    return source


def _content(file: str) -> bytes | None:
    """Return what the file holds, or a little more than is allowed of it."""
    folder = _folder()
    path = folder / file
    try:
        real = path.resolve(strict=True)
        if not real.is_relative_to(folder):
            raise unusable(file, "it is a link out of the folder. Put the file itself there.")
        return _plain(real, file)
    except FileNotFoundError:
        if path.is_symlink():
            raise unusable(file, "it is a link to nothing. Put the file itself there.") from None
        return None
    except (OSError, RuntimeError):  # a circle of links is either, by version
        raise unusable(file, "it cannot be read. Let the user of this service read it.") from None


def _plain(path: Path, file: str) -> bytes:
    if not stat.S_ISREG(path.stat().st_mode):
        raise unusable(file, "it is no file. Put a file of that name there, or nothing.")
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)  # a pipe would let us wait for ever
    with os.fdopen(handle, "rb") as opened:
        return opened.read(FILE_MAX + 1)

"""The form of our logs, and what they may hold of a web request.

That is no magic link, and no traceback of what was refused on purpose.
"""

import json
import logging
import re
import time
from datetime import UTC, datetime
from typing import Any

from django.db import DatabaseError

from customers.database import Trouble, trouble_of


def _however_escaped(text: str) -> str:
    """Match a text whose characters are plain, or percent-encoded, once or several times."""
    return "".join(f"(?:{re.escape(letter)}|%(?:25)*{ord(letter):02x})" for letter in text)


# Whoever reads a link can sign in with it. The path ends where white space, a quote or a query begins.
# Servers decode an address before they look where it leads, and gateways pack one into another.
# Only slashes after a word repeat: a leading run of them would be tried from each of its slashes.
_SLASH = _however_escaped("/")
_SLASHES = f"{_SLASH}+"
LINK = re.compile(
    rf"({_SLASH}{_however_escaped('sign-in')}{_SLASHES}{_however_escaped('link')}{_SLASHES})[^\s/?#\"'<>\\]+",
    re.IGNORECASE,
)
MASKED = r"\1…"
SERVER_ERROR = 500

FORMS = ("text", "json")

_plain = logging.Formatter()


class JsonLines(logging.Formatter):
    """A line of JSON for each record, whoever logs it: for collectors that read fields.

    What a record brings as `fields` stands beside the others, which it cannot replace.
    """

    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, UTC)
        line: dict[str, Any] = {
            "time": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info or record.exc_text:
            line["exception"] = record.exc_text or self.formatException(record.exc_info)  # type: ignore[arg-type]
        return json.dumps({**getattr(record, "fields", {}), **line}, ensure_ascii=False, default=str)


class TextLines(logging.Formatter):
    """A line that says when, for what a person looks up hours later."""

    def __init__(self) -> None:
        super().__init__("%(asctime)sZ %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%S")

    converter = staticmethod(time.gmtime)


class DiscreetRequests(logging.Filter):
    """Rewrites a record before any handler sees it; drops none. Safe to apply more than once."""

    def filter(self, record: logging.LogRecord) -> bool:
        if is_refusal(record):
            _in_one_line(record)
        elif trouble := _trouble(record):
            _in_one_line(record)
            record.msg = f"{record.msg}: {trouble}"
        _without_links(record)
        return True


class OnlyWhatIsSaid(logging.Filter):
    """Leaves of a warning of Python's what it says; after it comes the line of the source that gave it."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = record.getMessage().partition("\n")[0], ()
        return True


def is_refusal(record: logging.LogRecord) -> bool:
    """Tell a request that was turned away (4xx) from one that broke; Django puts the status on the record."""
    status: int | None = getattr(record, "status_code", None)
    return status is not None and status < SERVER_ERROR


def _trouble(record: logging.LogRecord) -> Trouble | None:
    """Return what the database has, where that is what broke a request; its own words hold whole rows."""
    error = record.exc_info[1] if record.exc_info else None
    return trouble_of(error) if isinstance(error, DatabaseError) else None


def _in_one_line(record: logging.LogRecord) -> None:
    """The traceback of a PermissionDenied is a screen of Django's own lines, each time."""
    record.msg, record.args = r"\n".join(record.getMessage().splitlines()), ()
    record.exc_info = record.exc_text = record.stack_info = None


def _without_links(record: logging.LogRecord) -> None:
    message = record.getMessage()
    if LINK.search(message):
        record.msg, record.args = LINK.sub(MASKED, message), ()
    if record.exc_info:
        traceback = _plain.formatException(record.exc_info)
        if LINK.search(traceback):
            record.exc_text, record.exc_info = LINK.sub(MASKED, traceback), None
    if LINK.search(getattr(getattr(record, "request", None), "path", "")):
        del record.request  # type: ignore[attr-defined]  # collectors would take the address from it

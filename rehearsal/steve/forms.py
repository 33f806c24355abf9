"""What a POST or a PUT of an idTag says, read as SteVe reads it.

Three kinds of mistake, in this order: what cannot be read is a 500, what is not valid a 400, and what the
database refuses is up to the caller (422 or 500).
"""

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

from rehearsal.stand_in.messages import Request
from rehearsal.steve.tables import instant
from rehearsal.steve.tag_table import NOT_UNDERSTOOD, RefusalError
from rehearsal.steve.versions import V3_7, Version

ID_TAG = re.compile(r"[A-Za-z0-9.:_#-]{1,20}", re.ASCII)
BARE_YEAR = re.compile(r"\d+", re.ASCII)
HAS_ZONE = re.compile(r".*[Tt].*(Z|z|[+-]\d\d(:?\d\d)?)", re.ASCII)
LAST_EXPIRY = datetime(2038, 1, 19, 3, 14, 7, tzinfo=UTC)  # what MariaDB's TIMESTAMP can hold
LARGEST = 2**31 - 1
WIDEST = "\uffff"  # no wider character fits the database's utf8mb3


@dataclass(frozen=True, slots=True)
class TagForm:
    id_tag: str
    parent_id_tag: str | None
    expiry_date: datetime | None
    max_active_transaction_count: int
    note: str | None

    @classmethod
    def read(cls, request: Request, version: Version, now: datetime) -> Self:
        """Read and validate the body; raise RefusalError."""
        body = _json_object(request)
        limit = _whole_number(body.get("maxActiveTransactionCount"))
        form = cls(
            _text(body.get("idTag")) or "",
            _text(body.get("parentIdTag")),
            _expiry_date(body.get("expiryDate"), version),
            1 if limit is None else limit,
            _text(body.get("note")),
        )
        is_past = form.expiry_date is not None and form.expiry_date <= now
        if is_past or not ID_TAG.fullmatch(form.id_tag):
            raise RefusalError(400, NOT_UNDERSTOOD)
        return form

    def require_storable(self) -> None:
        """Refuse what the database cannot hold."""
        is_far = self.expiry_date is not None and self.expiry_date > LAST_EXPIRY
        if is_far or any(letter > WIDEST for letter in self.note or ""):
            raise RefusalError(500, "Execution of the statement FAILED.")


def _json_object(request: Request) -> dict[str, Any]:
    if not _is_json(request.headers.get("content-type", "")):
        raise _unreadable()
    try:
        body = json.loads(request.body, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise _unreadable() from None
    if not isinstance(body, dict):
        raise _unreadable()
    return body


def _is_json(content_type: str) -> bool:
    kind = content_type.partition(";")[0].strip().lower()
    return kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json"))


def _no_number(word: str) -> None:
    """Refuse NaN and Infinity, which Python would take."""
    raise ValueError(word)


def _text(value: Any) -> str | None:
    """Read a text; a number or a truth value is taken as one."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, (bool, int, float)):
        return json.dumps(value)
    raise _unreadable()


def _whole_number(value: Any) -> int | None:
    """Read a number of 32 bits; a text of digits and a fraction, cut off, are taken as one."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise _unreadable()
    try:
        number = int(value)
    except (ValueError, OverflowError):
        raise _unreadable() from None
    if not -LARGEST - 1 <= number <= LARGEST:
        raise _unreadable()
    return number


def _expiry_date(value: Any, version: Version) -> datetime | None:
    """Read an instant: UTC where it names no zone, which up to 3.7 it must not; a number is milliseconds."""
    if value is None or value == "":
        return None
    try:
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return datetime.fromtimestamp(value / 1000, UTC)
        if BARE_YEAR.fullmatch(value):
            return _of_year(value)
        if version <= V3_7 and HAS_ZONE.fullmatch(value):
            raise ValueError("a zone")
        return instant(value)
    except (TypeError, ValueError, OverflowError):
        raise _unreadable() from None


def _of_year(digits: str) -> datetime | None:
    """Take digits alone for a year, `20990101` too; such a far one is stored as none at all."""
    return datetime(int(digits), 1, 1, tzinfo=UTC) if len(digits) <= len("2099") else None


def _unreadable() -> RefusalError:
    return RefusalError(500, "The request could not be read")

"""What people changed of an idTag since a run left it."""

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

from charging.values import BLOCKED, UNLIMITED, OcppTag, folded

# Tells our own idTag after a lost answer. The platform overwrites notes later, so it is good for that only.
OUR_NOTE = "Made by Polaris Backfill"
PARENT, IS_BLOCKED = "parent", "blocked"
# How lines begin that the platform writes into a note, over whatever stood there.
PLATFORM_LINES = ("Linked to ", "Last synced on", "No active subscription")


def as_left(tag: OcppTag) -> dict[str, Any]:
    """Return what an idTag is like, as JSON to be kept; texts as digests, since they may name people."""
    return {
        "parent": _digest(folded(tag.parent_id_tag or "")),
        "note": _digest(_of_people(tag.note or "")),
        "expiry": tag.expires_at.isoformat() if tag.expires_at else "",
        "user": tag.user_pk,
    }


def changes(left: Mapping[str, Any], tag: OcppTag) -> Iterator[str]:
    """Name, in words, what differs from `as_left` and from the limit that a run leaves.

    That it is blocked is told last, and not where the platform says in its note that it did so. Of `left`,
    what was not kept (version 1.0 did not) is not compared; but no run takes one under another customer.
    """
    now = as_left(tag)
    if left["parent"] != now["parent"] if "parent" in left else tag.is_under_platform_customer:
        yield PARENT
    if tag.max_active_transaction_count not in (UNLIMITED, BLOCKED):
        yield f"limit {tag.max_active_transaction_count}"
    if not _is_note_as_left(left.get("note", now["note"]), tag.note or ""):
        yield "note"
    if left.get("expiry", now["expiry"]) != now["expiry"]:
        yield "expiry"
    if left.get("user", now["user"]) != now["user"]:
        yield "user"
    if tag.is_blocked and not is_of_platform(tag.note or ""):
        yield IS_BLOCKED


def _is_note_as_left(left: str, note: str) -> bool:
    """Compare a note aside from what the platform writes: it overwrites ours, and may leave nothing of it."""
    theirs = _of_people(note)
    return _digest(theirs) == left or (not theirs and is_of_platform(note))


def _of_people(note: str) -> str:
    """Return a note without the lines of the platform, which change with every sync."""
    if not is_of_platform(note):
        return note
    return "\n".join(
        line for line in note.splitlines() if line.strip("- ") and not line.startswith(PLATFORM_LINES)
    )


def is_as_made(tag: OcppTag) -> bool:
    """Return whether it may be what a create of ours made, aside from what the platform does to it."""
    left = as_left(tag)
    ours = left["note"] == AS_MADE["note"] or is_of_platform(tag.note or "")
    limit = tag.max_active_transaction_count
    return ours and limit in (UNLIMITED, BLOCKED) and not left["expiry"] and left["user"] is None


def is_of_platform(note: str) -> bool:
    return any(line.startswith(PLATFORM_LINES) for line in note.splitlines())


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16] if text else ""


# What an idTag is like that a run made.
AS_MADE: Mapping[str, Any] = {"parent": "", "note": _digest(OUR_NOTE), "expiry": "", "user": None}

"""What the platform writes into the notes of SteVe's idTags, and when it counts as changed."""

from datetime import UTC, datetime

NOT_LINKED = "No active subscription"
STAMP = "\nLast synced on "


def linked(name: str) -> str:
    return f"Linked to {name}"


def stamped(text: str) -> str:
    return f"{text}{STAMP}{datetime.now(UTC).isoformat(timespec='seconds')}"


def says(note: str | None, text: str) -> bool:
    """Tell whether a note says this already, whenever it was written."""
    return (note or "").partition(STAMP)[0] == text

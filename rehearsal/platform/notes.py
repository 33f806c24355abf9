"""What the platform writes into the notes of SteVe's idTags, and when it counts as changed."""

from datetime import UTC, datetime

NOT_LINKED = "No active subscription"
STAMP = "\n---\nLast synced on "


def linked(name: str, subscription: str | None = None) -> str:
    return f"Linked to {name} > {subscription}" if subscription else f"Linked to {name}"


def stamped(text: str) -> str:
    return f"{text}{STAMP}{datetime.now(UTC).isoformat(timespec='seconds')}"


def says(note: str | None, text: str) -> bool:
    """Tell whether a note says this already, whenever it was written."""
    return (note or "").partition(STAMP)[0] == text

"""How numbers, and many names, are put into sentences."""

from collections.abc import Sequence


def counted(number: int, what: str) -> str:
    """Say how many of something, in the plural unless it is one."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def some_of(names: Sequence[str], most: int) -> str:
    """Name the first few, and say how many more there are."""
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more

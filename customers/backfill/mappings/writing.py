"""How names and values of a file nobody knows are written in comments and sentences."""

import json

_MOST = 60


def quoted(text: str) -> str:
    """Write a text as TOML does, whatever is in it, on one line; it can be put to use as it is."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def shown(text: str) -> str:
    """Name a column or a value to people: on one line, and not endlessly."""
    plain = "".join(char if char.isprintable() else "\ufffd" for char in text[:_MOST])
    return f"“{plain}{'…' if len(text) > _MOST else ''}”"

"""Characters that nobody sees."""

import re

# Characters that take no room, or turn the direction of what follows.
INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f"
    "\u3164\ufeff\ufff9-\ufffb\uffa0\U000e0000-\U000e007f]"
)
JOINERS = re.compile("[\u200c\u200d]")  # which Persian, Hindi and emoji need


def without_invisible(text: str) -> str:
    """Leave out what takes no room; for names of columns, which are compared, and never for a value."""
    return JOINERS.sub("", INVISIBLE.sub("", text))

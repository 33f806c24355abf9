"""What SteVe's database takes for one text: it ignores case, accents and blanks at the end."""

import unicodedata
from functools import lru_cache

REMEMBERED = 400_000  # every idTag of a large SteVe and its parent


def plain(text: str) -> str:
    """Return the letters without case and accents; blanks stay."""
    if text.isascii():
        return text.lower()
    letters = unicodedata.normalize("NFD", text)
    return "".join(letter for letter in letters if not unicodedata.combining(letter)).casefold()


@lru_cache(REMEMBERED)
def folded(text: str) -> str:
    """Return what two spellings of one idTag, or of one charge box, have in common."""
    return plain(text).rstrip(" ")

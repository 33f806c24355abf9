"""Letters and digits that are not those that they look like."""

import re
import unicodedata

_FULL_WIDTH = re.compile("[\uff10-\uff19\uff21-\uff3a\uff41-\uff5a]")
_WORD = re.compile(r"[^\W\d_]+")
# Greek, Cyrillic and Armenian: without one of their letters nothing mixes alphabets.
_OTHER_ALPHABETS = re.compile("[\u0370-\u058f\u1c80-\u1c8f\u1f00-\u1fff\u2de0-\u2dff\ua640-\ua69f]")
# Letters of Cyrillic and Greek that look like Latin ones.
_LOOKALIKES = frozenset("АВЕКМНОРСТУХЅІЈаеорсухѕіјΑΒΕΖΗΙΚΜΝΟΡΤΥΧο")


def _alphabet(letter: str) -> str:
    return unicodedata.name(letter, "").partition(" ")[0]


def _alphabets(text: str) -> set[str]:
    return {_alphabet(letter) for letter in text if letter.isalpha()} & {
        "LATIN",
        "CYRILLIC",
        "GREEK",
        "ARMENIAN",
    }


def has_mixed_word(given: str) -> bool:
    if not _OTHER_ALPHABETS.search(given):
        return False
    return any(len(_alphabets(word)) > 1 for word in _WORD.findall(given) if not word.isascii())


def has_lookalike(given: str) -> bool:
    """Return whether beside Latin letters all the others are ones that look Latin."""
    if not _OTHER_ALPHABETS.search(given):
        return False
    letters = [char for char in given if char.isalpha()]
    others = [char for char in letters if _alphabet(char) in ("CYRILLIC", "GREEK")]
    return bool(others) and len(others) < len(letters) and all(char in _LOOKALIKES for char in others)


def has_other_shapes(given: str) -> bool:
    """Return whether a letter is as wide as a Chinese one, or a digit of another script than the rest."""
    if _FULL_WIDTH.search(given) or any(_is_another_shape(char) for char in given):
        return True
    plain = any(char.isascii() and char.isalnum() for char in given)
    return plain and any(not char.isascii() and unicodedata.category(char) == "Nd" for char in given)


def _is_another_shape(char: str) -> bool:
    """Return whether a letter is another one in other clothes: a ligature, in a circle, of mathematics."""
    if char.isascii() or not char.isalpha() or char in _OWN_SHAPES or "\uff61" <= char <= "\uff9f":
        return False
    return unicodedata.normalize("NFKC", char) != unicodedata.normalize("NFC", char)


_OWN_SHAPES = "ªºĳĲŀĿŉǆǅǄ"  # of Spanish, Dutch, Catalan, Afrikaans and Croatian


def is_latin_only(given: str) -> bool:
    return all(_alphabet(char) == "LATIN" for char in given if char.isalpha())

"""Write the number of a card as chargers report it."""

import re

from customers.backfill.source.mapping.model import Cards

_HEX = re.compile(r"[0-9A-Fa-f]+")
_DECIMAL = re.compile(r"[0-9]{1,25}")
_UID_DIGITS = (8, 14, 20)  # of 4, 7 and 10 bytes (ISO/IEC 14443-3)


class NotRewrittenError(ValueError):
    """An idTag that is not written as the mapping says; `str(error)` says what it is not."""


def rewrite(cards: Cards, given: str) -> str:
    """Undo one notation after the other; raise NotRewrittenError. Nothing becomes nothing."""
    id_tag = given.strip()
    if not id_tag:
        return id_tag
    id_tag = _without_prefix(cards.remove_prefixes, id_tag)
    if cards.remove_separators:
        id_tag = id_tag.translate({ord(char): None for char in cards.remove_separators})
    if not id_tag:
        raise NotRewrittenError("is nothing but what is to be taken away")
    if cards.decimal_to_hex:
        id_tag = _hex_of(id_tag, cards.pad_to)
    elif cards.pad_to:
        id_tag = id_tag.zfill(cards.pad_to) if id_tag.isalnum() else id_tag
    if cards.reverse_bytes:
        id_tag = _reversed(id_tag)
    return id_tag.upper() if cards.upper_case and id_tag.isascii() else id_tag  # ﬀ is no FF


def _without_prefix(prefixes: tuple[str, ...], id_tag: str) -> str:
    for prefix in sorted(prefixes, key=len, reverse=True):
        if id_tag[: len(prefix)].casefold() == prefix.casefold():
            return id_tag[len(prefix) :].strip()
    return id_tag


def _hex_of(id_tag: str, width: int) -> str:
    if not _DECIMAL.fullmatch(id_tag):
        raise NotRewrittenError("is not a decimal number")
    digits = f"{int(id_tag):X}"
    fitting = next((number for number in (width, *_UID_DIGITS) if number >= len(digits)), 0)
    if not fitting:
        raise NotRewrittenError("is larger than the number of any card")
    return digits.zfill(fitting)


def _reversed(id_tag: str) -> str:
    if not _HEX.fullmatch(id_tag) or len(id_tag) % 2:
        raise NotRewrittenError("has no whole bytes in hexadecimal digits")
    return "".join(id_tag[place : place + 2] for place in range(len(id_tag) - 2, -1, -2))

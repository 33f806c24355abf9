"""How the number of one card is written by different systems, to find the same card under two names.

`bare` is a card without what only separates its digits; two idTags with one bare form are one card, written
twice. `readings` are the numbers that a card may have in a system that writes it otherwise: such a likeness
is a reason to look, no more, because two cards may have it by accident.
"""

import re
import unicodedata

_PREFIX = re.compile(r"(?:0[xX]|(?:RFID|UID|NFC|TAG|CARD|HEX)[_:. -]?)(?=[0-9A-F])", re.IGNORECASE)
_BEGINNINGS = ("0X", "RFID", "UID", "NFC", "TAG", "CARD", "HEX")
_SEPARATORS = re.compile(r"[-_:. ]")
PREFIX = "^(0x|(rfid|uid|nfc|tag|card|hex)[-_]?)"  # as Python and PostgreSQL read it, in any case
_ANY_PREFIX, _MARKS = re.compile(PREFIX, re.IGNORECASE), re.compile("[-_]")
_HEX = re.compile(r"[0-9A-F]+")
_UID_DIGITS = (8, 14, 20)  # of 4, 7 and 10 bytes (ISO/IEC 14443-3)
_WITHOUT_ZERO = (7, 13)
_DECIMAL = re.compile(r"[0-9]{8,20}")
_MOST_DIGITS = 20  # of an idTag
_LARGEST = {4: 1 << 32, 7: 1 << 56}


def bare(id_tag: str) -> str:
    """Return the digits of a card without prefix and separators, in capitals; any other idTag as it is.

    Only what then is the whole number of a card counts as one: `1-23` and `12-3` are not the same, and
    `TAG0000001` is the operator's own.
    """
    plain = id_tag.upper()
    if plain.isalnum() and not plain.startswith(_BEGINNINGS):
        return plain
    stripped = _SEPARATORS.sub("", _PREFIX.sub("", plain, count=1))
    is_card = len(stripped) in _UID_DIGITS and _HEX.fullmatch(stripped)
    return stripped if is_card else plain


def stripped(id_tag: str) -> str:
    """Return an idTag of any kind without prefix and separators: what our database has an index over."""
    return _MARKS.sub("", _ANY_PREFIX.sub("", id_tag, count=1)).upper()


def padded(id_tag: str) -> str:
    """Return the bare form with the leading zero that a spreadsheet takes from seven or thirteen digits."""
    return _padded(bare(id_tag))


def _padded(digits: str) -> str:
    return f"0{digits}" if len(digits) in _WITHOUT_ZERO and _HEX.fullmatch(digits) else digits


def readings(id_tag: str) -> frozenset[str]:
    """Return the bare forms under which another system may have this card; its own is not among them."""
    digits = bare(id_tag)
    whole = _padded(digits)
    found = {whole, *_of_hex(whole)}
    if digits.startswith("0") and len(digits) in _UID_DIGITS and _HEX.fullmatch(digits):
        found.add(digits[1:])
    if _DECIMAL.fullmatch(digits):
        found |= _of_decimal(int(digits))
    return frozenset(found - {digits})


def likenesses(id_tag: str) -> frozenset[str]:
    """Return keys of which two cards share one whenever either has the other among its forms, or is it.

    That is coarser than any comparison of cards: what shares none can be looked at alone.
    """
    digits = bare(id_tag)
    whole = _padded(digits)
    found = {digits, whole}
    if len(whole) in _UID_DIGITS[:2] and _HEX.fullmatch(whole):
        found.add(_either_way(bytes.fromhex(whole)))
    if digits.startswith("0"):
        found.add(digits[1:])
    if digits.isascii() and digits.isdecimal() and len(digits) <= _MOST_DIGITS:
        number = int(digits)
        found |= {
            _either_way(number.to_bytes(size, "big")) for size, beyond in _LARGEST.items() if number < beyond
        }
    return frozenset(found - {""})


def _either_way(card: bytes) -> str:
    """Write a card's number from the end that gives the smaller one, in a way that no idTag is written."""
    return f"={min(card, card[::-1]).hex()}"


def _of_hex(digits: str) -> set[str]:
    """Return a card's number with its bytes the other way round, and both in decimal digits."""
    if len(digits) not in _UID_DIGITS[:2] or not _HEX.fullmatch(digits):
        return set()
    other_way = turned(digits)
    decimals = {str(int(form, 16)) for form in (digits, other_way)}
    return {
        other_way,
        *decimals,
        *(f"{decimal:0>10}" for decimal in decimals if len(digits) == _UID_DIGITS[0]),
    }


def _of_decimal(number: int) -> set[str]:
    found = set()
    for size, beyond in _LARGEST.items():
        if number < beyond:
            digits = number.to_bytes(size, "big")
            found |= {digits.hex().upper(), digits[::-1].hex().upper()}
    return found


def loose(id_tag: str) -> str:
    """Return the letters and digits of any idTag, in capitals and without accents.

    More than `bare` takes for one card: to look for what may be another spelling, never to decide.
    """
    digits = bare(id_tag)
    if digits.isascii() and digits.isalnum():
        return digits
    plain = unicodedata.normalize("NFKD", digits)
    return "".join(char for char in plain if char.isascii() and char.isalnum())


def turned(digits: str) -> str:
    """Return the number of a card with its bytes the other way round; blank of what is no card's number."""
    if len(digits) not in _UID_DIGITS or not _HEX.fullmatch(digits):
        return ""
    return bytes.fromhex(digits)[::-1].hex().upper()

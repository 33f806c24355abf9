"""Cards in decimal digits: one such number says little, and a file of them says what it is."""

from collections.abc import Sequence

from kernel import Problem, Wanted

_LEAST = 5  # cards
_NEARLY_ALL = 0.95
_LARGEST_OF_4_BYTES = 0xFFFFFFFF


def decimal_cards(name: str, rows: Sequence[Wanted]) -> list[Problem]:
    """Warn of a file with nearly no other cards. Longer ones, and those with zeros, are told of by row."""
    cards = {row.id_tag for row in rows if row.id_tag}
    decimal = sum(map(_is_decimal, cards))
    if decimal < max(_LEAST, len(cards) * _NEARLY_ALL):
        return []
    told = f"{name}: {decimal:,} of {len(cards):,} idTags look like the decimal form of a card."
    hint = (
        "Chargers usually report the hexadecimal one: compare a card with what a charger reports. "
        "A mapping can rewrite them: decimal_to_hex in [cards]."
    )
    return [Problem("id_tag_notation", "id_tag", told, hint)]


def _is_decimal(id_tag: str) -> bool:
    """Return whether this may be the number of 4 bytes, and no card in hexadecimal, which has 8 digits."""
    return len(id_tag) in (9, 10) and id_tag.isdecimal() and int(id_tag) <= _LARGEST_OF_4_BYTES

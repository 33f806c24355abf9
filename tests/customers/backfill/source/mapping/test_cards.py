"""The number of a card, from the notation of another system to that of chargers."""

import pytest

from customers.backfill.source.mapping.cards import NotRewrittenError, rewrite
from customers.backfill.source.mapping.model import Cards


@pytest.mark.parametrize(
    ("cards", "given", "meant"),
    [
        (Cards(), " 04A1 ", "04A1"),
        (Cards(remove_separators=":"), "04:a1:b2:c3", "04a1b2c3"),
        (Cards(remove_separators=":- ", upper_case=True), "04:a1-b2 c3", "04A1B2C3"),
        (Cards(remove_prefixes=("0", "0x")), "0X04A1", "04A1"),
        (Cards(remove_prefixes=("RFID_",)), "rfid_04A1", "04A1"),
        (Cards(remove_prefixes=("RFID_",)), "04A1", "04A1"),
        (Cards(decimal_to_hex=True), "77705923", "04A1B2C3"),
        (Cards(decimal_to_hex=True), "0077705923", "04A1B2C3"),
        (Cards(decimal_to_hex=True), "1303689068602870", "04A1B2C3D4E5F6"),
        (Cards(decimal_to_hex=True, pad_to=10), "77705923", "0004A1B2C3"),
        (Cards(decimal_to_hex=True, pad_to=8), "1303689068602870", "04A1B2C3D4E5F6"),
        (Cards(upper_case=True), "\ufb001", "\ufb001"),
        (Cards(remove_prefixes=("ss",)), "\xdf04", "\xdf04"),
        (Cards(pad_to=8), "4A1B2C3", "04A1B2C3"),
        (Cards(pad_to=8), "04A1B2C3D4E5F6", "04A1B2C3D4E5F6"),
        (Cards(reverse_bytes=True), "C3B2A104", "04A1B2C3"),
        (Cards(decimal_to_hex=True, reverse_bytes=True), "3283263748", "04A1B2C3"),
        (Cards(pad_to=8, upper_case=True, decimal_to_hex=True, reverse_bytes=True), "", ""),
    ],
)
def test_one_notation_after_the_other_is_undone(cards: Cards, given: str, meant: str) -> None:
    assert rewrite(cards, given) == meant


@pytest.mark.parametrize(
    ("cards", "given"),
    [
        (Cards(decimal_to_hex=True), "04A1B2C3"),
        (Cards(decimal_to_hex=True), "77705923.0"),
        (Cards(decimal_to_hex=True), "٧٧٧"),
        (Cards(decimal_to_hex=True), "9" * 26),
        (Cards(decimal_to_hex=True), str(1 << 88)),
        (Cards(remove_prefixes=("04A1B2C3",)), "04A1B2C3"),
        (Cards(remove_separators=":-"), "::-"),
        (Cards(reverse_bytes=True), "4A1B2C3"),
        (Cards(reverse_bytes=True), "04:A1"),
    ],
)
def test_what_is_not_written_so_is_refused(cards: Cards, given: str) -> None:
    with pytest.raises(NotRewrittenError):
        rewrite(cards, given)

"""One card in the notations of different systems."""

import pytest

from kernel.alike import Alike
from kernel.notation import bare, padded, readings, stripped

CARD = "04A1B2C3D4E582"
SHORT = "04A1B2C6"


@pytest.mark.parametrize(
    "written",
    ["04:A1:B2:C3:D4:E5:82", "04 a1 b2 c3 d4 e5 82", "04-A1-B2-C3-D4-E5-82", f"0x{CARD}", f"RFID_{CARD}"],
)
def test_separators_prefix_and_capitals_make_no_difference(written: str) -> None:
    assert bare(written) == CARD


@pytest.mark.parametrize(("one", "other"), [("1-23", "12-3"), ("CARD-1", "1"), ("TAG-A", "A"), ("A_B", "AB")])
def test_what_is_no_card_is_compared_as_it_is(one: str, other: str) -> None:
    assert bare(one) != bare(other)


def test_a_lost_zero_is_put_back_only_where_one_was() -> None:
    assert (padded(CARD[1:]), padded(SHORT[1:]), padded("123456")) == (CARD, SHORT, "123456")


@pytest.mark.parametrize("other", ["C6B2A104", "77705926", "0077705926", "3333595396", SHORT[1:]])
def test_another_system_may_write_it_turned_round_or_in_decimal(other: str) -> None:
    assert bare(other) in readings(SHORT)
    assert SHORT in readings(other)


@pytest.mark.parametrize("written", ["0x04-A1", "rfid_04a1", "04_A1"])
def test_the_index_is_over_less_than_any_notation_has(written: str) -> None:
    assert stripped(written) == "04A1"


@pytest.mark.parametrize("written", ["04a1", "04-a1", "tag04a1", "0X04_A1"])
def test_python_takes_away_what_the_index_does(written: str) -> None:
    assert stripped(written) == "04A1"


def test_a_likeness_names_both_and_shows_neither_whole() -> None:
    cards = Alike()
    cards.add(SHORT, "in SteVe (number 7)")

    (warning,) = cards.warnings("RFID_04A1B2C6")

    assert (warning.code, cards.warnings(SHORT.lower())) == ("id_tag_notation", ())
    assert warning.message == (
        "The idTag “RFID…” is the same card as “04A1…” in SteVe (number 7), in another notation."
    )

"""Cards that look alike, by their digits."""

import time

import pytest

from kernel.twins import Kind, Sureness, Twins, likeness

HIGH, MEDIUM, LOW = Sureness


@pytest.mark.parametrize(
    ("met", "ours", "kind", "sureness"),
    [
        ("04:A1:B2:C6", "04A1B2C6", Kind.SEPARATORS, HIGH),
        (" 04A1B2C6", "04A1B2C6", Kind.SEPARATORS, HIGH),
        ("RFID_04A1B2C6", "04A1B2C6", Kind.SEPARATORS, HIGH),
        ("FLEET 17", "FLEET17", Kind.SEPARATORS, MEDIUM),
        ("4A1B2C6", "04A1B2C6", Kind.ZEROS, HIGH),
        ("0000B2C61F", "B2C61F", Kind.ZEROS, MEDIUM),
        ("14A1B2C6000000", "14A1B2C6", Kind.ZEROS, MEDIUM),
        ("C6B2A104", "04A1B2C6", Kind.REVERSED, MEDIUM),
        ("82E5D4C3B2A104", "04A1B2C3D4E582", Kind.REVERSED, HIGH),
        (str(0x14A1B2C6), "14A1B2C6", Kind.DECIMAL, MEDIUM),
        (f"{0x04A1B2C6:010}", "04A1B2C6", Kind.DECIMAL, MEDIUM),
        ("14A1B2C6", str(0x14A1B2C6), Kind.DECIMAL, MEDIUM),
        (str(0xC6B2A114), "14A1B2C6", Kind.DECIMAL_REVERSED, MEDIUM),
        (str(0x04A1B2C3D4E582), "04A1B2C3D4E582", Kind.DECIMAL, MEDIUM),
        ("04A1B2C3", "04A1B2C3D4E582", Kind.CUT, LOW),
        ("C3D4E582", "04A1B2C3D4E582", Kind.CUT, LOW),
        ("82E5D4C3", "04A1B2C3D4E582", Kind.CUT, LOW),
        ("04A1B2C3D4E582", "04A1B2C3", Kind.CUT, LOW),
    ],
)
def test_each_kind_of_likeness_is_found_and_named(
    met: str, ours: str, kind: Kind, sureness: Sureness
) -> None:
    found = Twins.of([ours, "7B7B7B7B", "A stranger", ""]).alike(met)

    assert [(card, one.kind, one.sureness) for card, one in found] == [(ours, kind, sureness)]


@pytest.mark.parametrize(
    ("met", "ours"),
    [
        ("04a1b2c6", "04A1B2C6"),  # one idTag to SteVe, and so never another
        ("DEADBEEF", "04A1B2C6"),
        ("CUSTOM-1", "CUSTOM-10"),
        ("", "04A1B2C6"),
        ("000", "0"),
        ("A1", "00A1"),
    ],
)
def test_what_does_not_look_alike_is_left_alone(met: str, ours: str) -> None:
    assert likeness(met, ours) is None
    assert Twins.of([ours]).alike(met) == []


def test_a_piece_of_many_cards_is_no_guess() -> None:
    ours = [f"04A1B2{number:08X}" for number in range(500)]

    assert Twins.of(ours).alike("04A1B2") == []


def test_ten_thousand_are_compared_with_ten_thousand_at_once() -> None:
    ours = [f"{0x14A1B2C6 + number * 7919:08X}" for number in range(10_000)]
    began = time.monotonic()
    twins = Twins.of(ours)

    found = [twins.alike(str(int(card, 16))) for card in ours]

    assert all(ours[at] in [card for card, _ in one] for at, one in enumerate(found))
    assert time.monotonic() - began < 5

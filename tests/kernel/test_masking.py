"""What may be shown of values that may not be shown whole."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.masking import mask_email, mask_id_tag


@pytest.mark.parametrize(
    ("email", "shown"),
    [
        ("ann@example.com", "a…@example.com"),
        (" ann@mail.example.co.uk ", "a…@mail.example.co.uk"),
        ("a@b", "a…@b"),
        ("ann", "a…"),
        ("@example.com", "@…"),
        ("two@@example.com", "t…"),
        ("ann@example.com,bob@example.com", "a…"),
        ("Ann <ann@example.com>", "A…"),
        ("ann@Bob Example", "a…"),
        ("", "…"),
    ],
)
def test_an_address_shows_where_it_belongs_and_nothing_else(email: str, shown: str) -> None:
    assert mask_email(email) == shown


@pytest.mark.parametrize(
    ("id_tag", "shown"), [("A1B2C3D4", "A1B2…"), ("A1B2C", "A1…"), ("A1", "A…"), ("A", "…"), ("", "…")]
)
def test_an_id_tag_shows_at_most_four_characters(id_tag: str, shown: str) -> None:
    assert mask_id_tag(id_tag) == shown


@given(st.text(min_size=1))
def test_no_id_tag_is_shown_whole(id_tag: str) -> None:
    assert id_tag not in mask_id_tag(id_tag).removesuffix("…")

"""Cards that any comparison may take for each other share a likeness."""

from hypothesis import example, given, settings
from hypothesis import strategies as st

from kernel.notation import bare, likenesses, padded, readings

numbers = st.integers(0, 1 << 56)
cards = st.one_of(
    numbers.map(lambda number: f"{number:08X}"),
    numbers.map(lambda number: f"{number:014x}"),
    numbers.map(str),
    st.integers(0, 1 << 24).map(lambda number: f"0{number:07}"),
    st.from_regex(r"(0x|TAG-|uid_)?[0-9A-Fa-f_-]{1,16}", fullmatch=True),
)


@st.composite
def pairs(draw: st.DrawFn) -> tuple[str, str]:
    card = draw(cards)
    forms = sorted({bare(card), padded(card), *readings(card)})
    form = draw(st.sampled_from(forms))
    return card, draw(
        st.sampled_from([form, form.lower(), f"0x{form}", form.lstrip("0") or "0", f"00{form}"])
    )


@given(pairs())
@settings(max_examples=500, deadline=None)
@example(("0D12D600", "12D600D"))
@example(("01234567", "1234567"))
@example(("0012D687", "1234567"))
def test_two_cards_of_which_one_is_a_form_of_the_other_share_a_likeness(pair: tuple[str, str]) -> None:
    one, other = pair

    is_form = bare(other) in readings(one) | {bare(one)} or bare(one) in readings(other)

    if is_form or padded(one) == padded(other):
        assert likenesses(one) & likenesses(other)


def test_cards_that_nobody_takes_for_each_other_share_none() -> None:
    assert not likenesses("04A1B2C3") & likenesses("04A1B2C4")

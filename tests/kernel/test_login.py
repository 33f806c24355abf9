"""One spelling of an address, which is the platform's too."""

import pytest

from kernel import as_login

# What JavaScript's toLowerCase makes of each, by which the platform looks people up.
IN_LOWER_CASE = {
    "Ann.O'Neill@Example.COM": "ann.o'neill@example.com",
    "İDA@x.com": "i\u0307da@x.com",
    "IDA@x.com": "ida@x.com",
    "ΟΔΟΣ@x.com": "οδος@x.com",
    "ΑΣ.Σ@x.com": "ασ.ς@x.com",
    "ΑΣ@Σ.com": "ας@σ.com",
    "STRASSE@\u1e9e.de": "strasse@ß.de",
    "\u212a@x.com": "k@x.com",
    "ANN@MÜLLER.DE": "ann@müller.de",
    "ANN@XN--MLLER-KVA.DE": "ann@xn--mller-kva.de",
}


@pytest.mark.parametrize("address", IN_LOWER_CASE)
def test_a_login_is_what_the_platform_would_look_for(address: str) -> None:
    assert as_login(address) == IN_LOWER_CASE[address]


@pytest.mark.parametrize("address", IN_LOWER_CASE)
def test_a_login_stays_what_it_is(address: str) -> None:
    assert as_login(as_login(address)) == as_login(address)


def test_blanks_around_are_no_part_of_it() -> None:
    assert as_login(" ann@example.com\n") == "ann@example.com"

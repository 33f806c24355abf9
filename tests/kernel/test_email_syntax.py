"""What is an email address: the same everywhere, whatever else was imported before."""

import subprocess
import sys

import pytest

from kernel.email_syntax import check_syntax


@pytest.mark.parametrize("address", ["ops@mail.local", "anna@shop.test"])
def test_names_of_special_use_are_addresses_in_a_fresh_process(address: str) -> None:
    code = f"from kernel.email_syntax import check_syntax; print(check_syntax({address!r}).ascii_email)"

    told = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )

    assert told.stdout.strip() == address


def test_a_host_without_a_dot_is_taken_where_it_need_not_be_reached_from_everywhere() -> None:
    with pytest.raises(ValueError, match="period"):
        check_syntax("ops@mail")

    assert check_syntax("ops@mail", globally_deliverable=False).ascii_email == "ops@mail"

"""Companies that are several customers of a file: who is taken for one, and what is told of them."""

import pytest

from customers.backfill.checks import shared_companies
from customers.backfill.source import read_bytes
from kernel import Problem
from tests.customers.factories import Row, csv_text, row


def found(*given: Row) -> list[Problem]:
    return shared_companies([*read_bytes("a.csv", csv_text(given).encode())])


def of(number: int, name: str = "", tax_id: str = "", **changes: str) -> Row:
    return row(number, legal_name=name, tax_identification_number=tax_id, **changes)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("Nordsee GmbH", ""), ("  NORDSEE  gmbh", "")),
        (("", "DE 123.456-789"), ("", "de123456789")),
        (("Nordsee GmbH", "DE1"), ("Nordsee GmbH", "")),
    ],
)
def test_one_name_or_number_under_two_ids_is_one_company(
    one: tuple[str, str], other: tuple[str, str]
) -> None:
    (told,) = found(of(1, *one), of(2, *other), of(3, "Ostsee AG", "DE2222"))

    assert told.code == "company_several_customers"
    assert "1 company is 2 customers of this file" in told.message
    assert told.message.endswith("C-1, C-2.")
    assert "nordsee" not in told.message.casefold()


@pytest.mark.parametrize("name", ["", "-", "N/A", "NULL", "privat", "ab"])
def test_what_is_no_name_is_no_company(name: str) -> None:
    assert found(of(1, name), of(2, name)) == []


def test_several_cards_of_one_customer_are_one_customer() -> None:
    assert found(of(1, "Nordsee GmbH"), of(1, "Nordsee GmbH", id_tag="SECOND")) == []


def test_a_file_without_such_columns_has_no_company_even_if_people_have_one_name() -> None:
    assert found(row(1, display_name="Ida Nord"), row(2, display_name="Ida Nord")) == []


def test_whoever_shares_with_either_is_of_the_same_company() -> None:
    (told,) = found(of(1, "Nordsee GmbH"), of(2, "Nordsee GmbH", "DE7777"), of(3, "Nordsee", "DE7777"))

    assert "1 company is 3 customers" in told.message


def test_many_are_told_in_one_remark_with_a_few_examples() -> None:
    (told,) = found(*[of(number, f"Company {number // 4}") for number in range(4, 404)])

    assert "100 companies are 400 customers" in told.message
    assert told.message.endswith(
        "for example C-4, C-5, C-6 and 1 more; C-8, C-9, C-10 and 1 more; C-12, C-13, C-14 and 1 more."
    )

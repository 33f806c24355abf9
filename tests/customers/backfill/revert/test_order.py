"""The order in which rows are taken back."""

from customers.backfill.revert.order import Order


def lines(*rows: tuple[int, str, bool], several: str = "") -> list[int]:
    order = Order(set(several))
    for line, external_id, shares in rows:
        order.add(line, external_id, shares=shares)
    return list(order.in_reverse())


def test_the_last_row_comes_first() -> None:
    assert lines((2, "A", True), (3, "B", True)) == [3, 2]


def test_what_a_customer_has_once_comes_after_all_cards() -> None:
    first, further, other = (2, "A", False), (3, "A", True), (4, "B", True)

    assert lines(first, further, other, several="A") == [4, 2, 3]


def test_cards_come_in_reverse_before_what_they_share() -> None:
    rows = (2, "A", True), (3, "B", True), (4, "A", False), (5, "B", False), (6, "A", False)

    assert lines(*rows, several="AB") == [6, 5, 4, 3, 2]


def test_the_rows_of_a_customer_are_kept_together_where_several_take_rows_back() -> None:
    order = Order(set("AB"))
    for line, external_id, shares in [
        (2, "A", True),
        (3, "B", True),
        (4, "A", False),
        (5, "C", True),
        (6, "A", False),
    ]:
        order.add(line, external_id, shares=shares)

    assert list(order.customers_in_reverse()) == [[6, 4, 2], [5], [3]]

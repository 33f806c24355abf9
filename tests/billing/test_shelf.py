"""Things of many customers, packed."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

from billing.shelf import COMPARTMENT, OnlyOne, Shelf
from billing.values import Customer

AT = datetime(2026, 11, 1, 12, 0, 0, 250_000, tzinfo=UTC)
WHO = [f"C-{number:05}" for number in range(2 * COMPARTMENT + 10)]  # three compartments


def customer(external_id: str, number: int = 1, name: str | None = "Åsa “A” \ud800") -> Customer:
    return Customer(
        f"lago-{external_id}-{number}", external_id, name, None, "EUR", "Europe/Oslo", AT,
        AT + timedelta(seconds=number), number, {"metadata": [{"key": "a", "value": "b"}]},
    )  # fmt: skip


def filled(who: list[str]) -> Shelf[Customer]:
    shelf = Shelf(Customer, WHO)
    for external_id in who:
        shelf.put([external_id], customer(external_id))
    return shelf.closed()


def test_a_thing_comes_back_as_it_was_put_there_in_whatever_order() -> None:
    here = WHO[::3]
    Random(1).shuffle(here)

    shelf = filled(here)

    asked = [*WHO]
    Random(2).shuffle(asked)
    assert all(shelf[one] == ([customer(one)] if one in set(here) else []) for one in asked[:300])
    assert {one for one in WHO if shelf.has(one)} == set(here)
    assert shelf.filled() == len(here)


def test_who_was_not_asked_for_is_not_there() -> None:
    shelf = filled([WHO[0]])

    shelf.put(["stranger"], customer("stranger"))

    assert "stranger" not in shelf
    assert shelf.get("stranger") is None
    assert not shelf.has("stranger")


def test_who_is_asked_for_twice_is_told_once_in_the_order_of_the_first() -> None:
    shelf = Shelf(Customer, [*WHO, *WHO[:5], WHO[-1]])

    assert list(shelf) == WHO
    assert len(shelf) == len(WHO)


def test_what_is_read_again_takes_the_place_of_what_it_was() -> None:
    shelf = filled([WHO[0]])
    renamed = replace(customer(WHO[0]), name="Other")

    shelf.put([WHO[0]], renamed)
    shelf.put([WHO[0]], customer(WHO[0], 2))

    assert shelf.closed()[WHO[0]] == [renamed, customer(WHO[0], 2)]


def test_of_each_there_is_only_one_or_none() -> None:
    found = OnlyOne(filled(WHO[:3]))

    assert found == {one: customer(one) for one in WHO[:3]}
    assert found.get(WHO[5]) is None

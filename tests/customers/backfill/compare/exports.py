"""Two exports of one business, some weeks apart, and what lies between them, by kind of difference."""

from dataclasses import dataclass

from customers.backfill.compare.values import Kind
from tests.customers.factories import Row, row

PERSONAL = {Kind.EMAIL: "email", Kind.NAME: "display_name"}


@dataclass(frozen=True)
class TwoExports:
    first: list[Row]
    second: list[Row]
    expected: dict[Kind, set[str]]


def two_exports(
    customers: int, *, joined: int, left: int, plans: int, cards: int, addresses: int, names: int = 2
) -> TwoExports:
    """Make them. Of the cards a third moved, a third were replaced, a sixth came and a sixth went."""
    moved, replaced, one_way = cards // 3, cards // 3, cards // 6
    numbers = iter(range(1, customers + 1))

    def take(number: int) -> list[int]:
        return [next(numbers) for _ in range(number)]

    leaving, other_plan, swapped, new_card = take(left), take(plans), take(moved), take(replaced)
    one_more, one_less = take(one_way), take(one_way)
    email, name = take(addresses), take(names)
    first = [row(n) for n in range(1, customers + 1)] + [row(n, id_tag=f"MORE{n:04}") for n in one_less]
    changes = {
        **{n: {"plan_code": "fleet"} for n in other_plan},
        **{n: {"id_tag": row(m)["id_tag"]} for n, m in zip(swapped, swapped[1:] + swapped[:1], strict=True)},
        **{n: {"id_tag": f"NEW{n:05}"} for n in new_card},
        **{n: {"email": f"moved{n}@example.com"} for n in email},
        **{n: {"display_name": f"Renamed {n}"} for n in name},
    }
    second = [row(n, **changes.get(n, {})) for n in range(1, customers + 1) if n not in leaving]
    second += [row(n, id_tag=f"MORE{n:04}") for n in one_more]
    second += [row(customers + n, start_date="2024-02-01") for n in range(1, joined + 1)]
    return TwoExports(
        first,
        second,
        {
            Kind.JOINED: ids(range(customers + 1, customers + joined + 1)),
            Kind.LEFT: ids(leaving),
            Kind.PLAN: ids(other_plan),
            Kind.EMAIL: ids(email),
            Kind.NAME: ids(name),
            Kind.CARD_MOVED: ids(swapped),
            Kind.CARD_REPLACED: ids(new_card),
            Kind.CARD_ADDED: ids(one_more),
            Kind.CARD_GONE: ids(one_less),
        },
    )


def ids(numbers: "range | list[int]") -> set[str]:
    return {f"C-{number}" for number in numbers}

"""A row as the two steps in our own database are asked about it."""

from datetime import UTC, date, datetime

from kernel import Problem, Wanted
from tests.customers.factories import row


def wanted(**changes: str) -> Wanted:
    asked = {
        "email": "ann.example@example.com",
        "display_name": "Ann Example",
        "external_id": "C-1",
        "id_tag": "A1B2C3D4",
        "plan_code": "standard",
    } | changes
    start = datetime(2024, 1, 1, tzinfo=UTC)
    return Wanted(line=2, start_date=date(2024, 1, 1), subscription_at=start, **asked)


def of_file(number: int = 1, **changes: str) -> Wanted:
    """What the row of that number in a file of the factories asks for."""
    asked = row(number, **changes)
    del asked["start_date"]
    return Wanted(line=number + 1, start_date=None, subscription_at=None, **asked)


def codes(problems: tuple[Problem, ...]) -> list[str]:
    return [problem.code for problem in problems]

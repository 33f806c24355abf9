"""Everything that a night depends on, looked at beforehand. Nothing is written anywhere."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from customers.backfill.preflight import beside
from customers.backfill.preflight.asked import Asked, People, read_people
from customers.backfill.preflight.finding import Finding, Part, State
from customers.backfill.preflight.lago import LAGO
from customers.backfill.preflight.mail import MAIL
from customers.backfill.preflight.ours import OURS
from customers.backfill.preflight.people import FILE
from customers.backfill.preflight.steve import STEVE

__all__ = ["Asked", "Finding", "Part", "People", "State", "document", "parts", "read_people", "verdict"]


def parts(asked: Asked) -> Sequence[Part[Any]]:
    """Return the systems to look at, in their order; each is asked when its findings are."""
    everywhere: list[Part[Any]] = [OURS, LAGO, STEVE, beside.part(), MAIL]
    return [*everywhere, FILE] if asked.people else everywhere


def verdict(findings: Iterable[Finding]) -> State:
    """Return the worst of what was found."""
    states = {finding.state for finding in findings}
    return next((state for state in (State.STOP, State.WARNING) if state in states), State.OK)


def document(findings: Sequence[Finding]) -> dict[str, Any]:
    """Return all of it as the command's JSON has it."""
    counted = Counter(finding.state for finding in findings)
    return {
        "status": verdict(findings),
        "counts": {state: counted[state] for state in State},
        "checks": [finding.as_json() for finding in findings],
    }

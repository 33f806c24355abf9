"""How long a revert will keep a system at work."""

from collections.abc import Iterator, Sequence

from customers.backfill.engine.expected import removal_sentences
from customers.backfill.revert.planning import RevertPlan
from customers.backfill.revert.report import Choice
from kernel import Step


def expected_removals(plan: RevertPlan, steps: Sequence[Step], choice: Choice) -> Iterator[str]:
    """Say it of each step that knows; customers who are kept cost nothing."""
    numbers = plan.goes(with_active=not choice.keep_active)
    return removal_sentences(numbers, steps, plan.found)

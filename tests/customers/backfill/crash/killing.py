"""Commands that are killed at a call to Lago, before it has come there or before its answer is heard."""

from typing import Any

import pytest

from rehearsal.lago import Sandbox
from tests.customers.backfill.crash import world
from tests.customers.backfill.crash.processes import Nursery

BEFORE_AND_AFTER = pytest.mark.parametrize(
    "fault", ["hang_before,seconds=600", "pause_after"], ids=["before", "after"]
)

EVERY = 16  # which of many cases are tried in each run of the tests; `make matrix` tries all


def sampled(last: int) -> list[Any]:
    """Number the cases, and leave those between the samples to the matrix."""
    return [
        nth if nth % EVERY == 1 or nth == last else pytest.param(nth, marks=pytest.mark.matrix)
        for nth in range(1, last + 1)
    ]


def killed(lago: Sandbox, commands: Nursery, fault: str, *arguments: str) -> int:
    """Begin a command, and kill it at the call that the fault names; give how it ended."""
    lago.fault(fault)
    command = commands.start(*arguments)
    world.wait_for_fault(lago)
    command.kill()
    died = command.wait()
    lago.clear_faults()
    world.wait_until_free()
    return died

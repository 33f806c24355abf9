"""The words that everything shares: values, the step, the failed call, HTTP, pace, masking. No framework."""

from kernel.errors import RemoteError
from kernel.login import as_login
from kernel.step import Per, Step, Works
from kernel.values import (
    Action,
    Bill,
    Bills,
    Charge,
    Count,
    Divergence,
    Fact,
    Facts,
    Invoiced,
    Made,
    Problem,
    Removal,
    Removed,
    Since,
    Task,
    Thing,
    Verdict,
    Wanted,
)

__all__ = [
    "Action",
    "Bill",
    "Bills",
    "Charge",
    "Count",
    "Divergence",
    "Fact",
    "Facts",
    "Invoiced",
    "Made",
    "Per",
    "Problem",
    "RemoteError",
    "Removal",
    "Removed",
    "Since",
    "Step",
    "Task",
    "Thing",
    "Verdict",
    "Wanted",
    "Works",
    "as_login",
]

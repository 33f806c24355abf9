"""What the worker does for the admin: short tasks over the same pipeline as the commands.

Tasks are delivered at least once, and a killed worker's may be lost. So what is to be done is in our own
tables, a task only wakes somebody up, and the sweep does so again for whatever was left.
"""

from customers.jobs.hands import call as call_hands
from customers.jobs.hands import lend_a_hand, look_after
from customers.jobs.imports import import_run
from customers.jobs.looked import keep_reconciliation, keep_verification
from customers.jobs.on_runs import LEAVE_OUT, LOOK, ONLY, ask, run_job
from customers.jobs.reverts import WITHOUT
from customers.jobs.settling import NO_WAIT, REVERTED, stop_waiting
from customers.jobs.sweeping import sweep
from customers.jobs.verifying import stop_verifying

__all__ = [
    "LEAVE_OUT",
    "LOOK",
    "NO_WAIT",
    "ONLY",
    "REVERTED",
    "WITHOUT",
    "ask",
    "call_hands",
    "import_run",
    "keep_reconciliation",
    "keep_verification",
    "lend_a_hand",
    "look_after",
    "run_job",
    "stop_verifying",
    "stop_waiting",
    "sweep",
]

"""Put right what a reconciliation found, where that is safe; say of the rest what it means and what to do."""

from customers.backfill.repair.carrying_out import RepairReport, nothing_to_leave, repair
from customers.backfill.repair.planning import plan_repair
from customers.backfill.repair.values import Advice, Doing, RepairPlan, Verb

__all__ = [
    "Advice",
    "Doing",
    "RepairPlan",
    "RepairReport",
    "Verb",
    "nothing_to_leave",
    "plan_repair",
    "repair",
]

"""Compare what a run recorded with our database, Lago and SteVe as they are now. Reads only."""

from customers.backfill.reconcile.comparing import reconcile
from customers.backfill.reconcile.result import Found, Group, Reconciliation, Remark, StepCount, grouped

__all__ = ["Found", "Group", "Reconciliation", "Remark", "StepCount", "grouped", "reconcile"]

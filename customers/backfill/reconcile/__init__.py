"""Compare what a run recorded with our database, Lago and SteVe as they are now. Reads only."""

from customers.backfill.reconcile.comparing import Found, Reconciliation, StepCount, reconcile

__all__ = ["Found", "Reconciliation", "StepCount", "reconcile"]

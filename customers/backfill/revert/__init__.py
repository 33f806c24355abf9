"""Take back exactly what a run created, without billing anybody, and prove it by a manifest."""

from customers.backfill.revert.carrying_out import PAUSED, SHARED, revert
from customers.backfill.revert.planning import RevertPlan, plan_revert
from customers.backfill.revert.report import Choice, RevertReport
from customers.backfill.revert.rows import RowPlan

__all__ = ["PAUSED", "SHARED", "Choice", "RevertPlan", "RevertReport", "RowPlan", "plan_revert", "revert"]

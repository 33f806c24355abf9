from customers.models.backfill import BackfillRow, BackfillRun, BackfillStep
from customers.models.people import IdTagMapping, User

__all__ = ["BackfillRow", "BackfillRun", "BackfillStep", "IdTagMapping", "User"]

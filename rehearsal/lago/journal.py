"""The journal of invoices and credit notes that a real Lago would have issued, and why.

Invoices of a start, a trial's end and a billing day are exact, without usage and tax. Where a subscription is
ended they are simple (the whole amount, or 0): there it counts that an entry exists.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from rehearsal.lago.tables import new_id
from rehearsal.stand_in.messages import Json


class Why(StrEnum):
    START_IN_ADVANCE = "start_in_advance"
    TRIAL_END = "trial_end"
    UPGRADE = "upgrade"
    DOWNGRADE = "downgrade"
    TERMINATION = "termination"
    BILLING_DAY = "billing_day"
    PAID_CREDITS = "paid_credits"


@dataclass(slots=True)
class Invoice:
    """`amount_cents` are its fees; coupons and prepaid credits take off what the customer pays of them."""

    number: str
    why: str
    customer_id: str
    external_customer_id: str
    subscription_id: str
    external_subscription_id: str
    plan_code: str
    amount_cents: int
    currency: str
    issued_at: datetime
    plan_id: str = ""
    fees: list[Json] = field(default_factory=list)
    coupons_amount_cents: int = 0
    prepaid_credit_amount_cents: int = 0
    lago_id: str = field(default_factory=new_id)


@dataclass(slots=True)
class CreditNote:
    number: str
    why: str
    kind: str  # credit, refund or offset
    invoice_id: str
    invoice_number: str
    customer_id: str
    external_customer_id: str
    subscription_id: str
    external_subscription_id: str
    amount_cents: int
    currency: str
    issued_at: datetime
    lago_id: str = field(default_factory=new_id)


class Journal:
    """Invoices and credit notes, oldest first."""

    def __init__(self) -> None:
        self.invoices: list[Invoice] = []
        self.credit_notes: list[CreditNote] = []

    def invoice_in_advance(self, subscription_id: str) -> Invoice | None:
        """Return the latest invoice that charged the subscription's fee: what a credit note can refer to."""
        rows = (i for i in reversed(self.invoices) if i.subscription_id == subscription_id)
        return next((row for row in rows if row.amount_cents > 0), None)

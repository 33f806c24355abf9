"""What a customer sees of themselves."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from customers.models import BackfillRow, BackfillRun, User
from kernel.masking import mask_id_tag


@dataclass(frozen=True, slots=True)
class IdTag:
    masked: str
    name: str
    is_active: bool


@dataclass(frozen=True, slots=True)
class Plan:
    code: str
    start_date: date | None


@dataclass(frozen=True, slots=True)
class Account:
    display_name: str
    email: str
    id_tags: Sequence[IdTag]
    plans: Sequence[Plan]  # of several imports the latest first


def account_of(user: User) -> Account:
    mappings = user.id_tag_mappings.order_by("id")
    return Account(
        display_name=user.display_name,
        email=user.email,
        id_tags=[IdTag(mask_id_tag(one.id_tag), one.name, one.is_active) for one in mappings],
        plans=_plans(user),
    )


def _plans(user: User) -> list[Plan]:
    """Read the plans from the ledger of the imports: several cards of one import share theirs."""
    taken_back = (BackfillRun.Status.REVERTING, BackfillRun.Status.REVERTED)
    rows = BackfillRow.objects.filter(
        user=user, outcome__in=(BackfillRow.Outcome.CREATED, BackfillRow.Outcome.COMPLETED)
    ).exclude(run__status__in=taken_back)
    found = rows.exclude(plan_code="").order_by("-id")
    return list(dict.fromkeys(Plan(row.plan_code, row.starts_on) for row in found))

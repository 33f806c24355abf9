"""How many customers there are by plan, and how many of those that were invited have come."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from django.db.models import Count, Exists, OuterRef, Q
from django.urls import reverse

from customers.models import BackfillRow, User, WelcomeMail

PLANS_SHOWN = 12


@dataclass(frozen=True, slots=True)
class OfPlan:
    """`percent` is of the largest, for a bar; as text, for style sheets know no commas."""

    code: str
    number: int
    percent: str
    url: str


@dataclass(frozen=True, slots=True)
class Invited:
    """The customers with a mail that went out, and what became of them."""

    number: int
    signed_in: int
    url: str
    url_signed_in: str
    url_never: str

    @property
    def never(self) -> int:
        return self.number - self.signed_in

    @property
    def percent(self) -> str:
        return f"{self.signed_in * 100 / self.number:.0f}" if self.number else "0"


def by_plan() -> tuple[Sequence[OfPlan], int]:
    """Return the largest plans, and how many more there are. Counts whom the list's filter shows."""
    rows = BackfillRow.objects.exclude(Q(user=None) | Q(plan_code="")).values_list("plan_code")
    counted = list(rows.annotate(number=Count("user", distinct=True)).order_by("-number", "plan_code"))
    most = counted[0][1] if counted else 1
    shown = [
        OfPlan(code, number, f"{number * 100 / most:.1f}", customers_page(plan=code))
        for code, number in counted[:PLANS_SHOWN]
    ]
    return shown, len(counted) - len(shown)


def invited() -> Invited:
    mailed = User.objects.filter(was_invited(), role=User.Role.CUSTOMER)
    counts = mailed.aggregate(number=Count("pk"), signed_in=Count("pk", filter=Q(last_login__isnull=False)))
    return Invited(
        **counts,
        url=customers_page(invited="yes"),
        url_signed_in=customers_page(invited="yes", signed_in="once"),
        url_never=customers_page(invited="yes", signed_in="never"),
    )


def was_invited() -> Exists:
    """Select whoever has a welcome mail that the mail server took."""
    return Exists(WelcomeMail.objects.filter(user=OuterRef("pk"), state=WelcomeMail.State.SENT))


def customers_page(**query: str) -> str:
    page = reverse("admin:customers_customer_changelist")
    return f"{page}?{urlencode(query)}" if query else page

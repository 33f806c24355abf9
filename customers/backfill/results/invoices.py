"""First invoices of what a run made: they are not recorded, so they are told anew, as of that day."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.core.exceptions import ImproperlyConfigured

from billing.bills import Biller
from customers.backfill.ledger.recorded import Recorded
from customers.backfill.steps import kinds
from customers.backfill.systems import lago_client
from customers.models import BackfillRun, BackfillStep
from kernel import Bill, RemoteError, Step
from kernel.money import decimals
from kernel.zones import zone_of

State = BackfillStep.State
THEIRS = "it was there before the run; Lago bills it as before"


@dataclass(frozen=True, slots=True)
class FirstInvoice:
    """`remark` says as of when it is told, or why nothing can be."""

    day: date | str = ""
    net: Decimal | None = None
    currency: str = ""
    remark: str = ""


NOTHING = FirstInvoice()


class Invoices:
    """Tells them from the plans as Lago has them now. `why_not`: Lago could not be asked."""

    def __init__(self, biller: Biller | None, why_not: str = "") -> None:
        self.why_not = why_not
        self._biller = biller

    def of(self, one: Recorded) -> FirstInvoice:
        """Tell that of a row that made what costs: of a customer with several cards, one row has."""
        kind = next((kind for kind in _costly() if one.state(kind.name)), None)
        if kind is None or one.state(kind.name) not in (State.CREATED, State.ADOPTED):
            return NOTHING
        if _is_theirs(one, kind):
            return FirstInvoice(remark=THEIRS)
        made_at = one.steps[kind.name].settled_at
        if self._biller is None or made_at is None:
            return FirstInvoice(remark=self.why_not)
        bills = self._biller.of_new(one.wanted, made_at)
        if bills is None or bills.first is None:
            return FirstInvoice(remark="it cannot be told from the plan")
        return _told(bills.first, f"net, without usage, told as of {bills.as_of}")


def _told(bill: Bill, remark: str) -> FirstInvoice:
    net = Decimal(bill.amount_cents).scaleb(-decimals(bill.currency))
    return FirstInvoice(bill.day, net, bill.currency, remark)


def _costly() -> Sequence[type[Step]]:
    return [kind for kind in kinds().values() if kind.costs]


def _is_theirs(one: Recorded, kind: type[Step]) -> bool:
    """Return whether it was adopted, or its customer: such a one may be billed by days of its own."""
    same = (name for name in one.steps if name in kinds() and kinds()[name].system == kind.system)
    return any(one.state(name) == State.ADOPTED for name in same)


@contextmanager
def invoices_of(run: BackfillRun) -> Iterator[Invoices]:
    """Read the plans of a run, a call each. What cannot be read is said, and left blank."""
    try:
        with closing(lago_client()) as lago:
            told = _read(run, Biller(lago, zone_of(run.lago_timezone)), lago.organization().lago_id)
    except (RemoteError, ImproperlyConfigured) as error:
        told = Invoices(None, f"Lago could not be asked: {error}")
    yield told


def _read(run: BackfillRun, biller: Biller, organization_id: str) -> Invoices:
    if organization_id != run.lago_organization_id:
        return Invoices(None, "the Lago that is connected is not the one of this run")
    codes = run.rows.exclude(plan_code="").order_by().values_list("plan_code", flat=True).distinct()
    biller.read(set(codes))
    return Invoices(biller)


RESULT: Mapping[str, str] = {
    "first_invoice_date": "day",
    "first_invoice_net": "net",
    "first_invoice_currency": "currency",
    "first_invoice_remark": "remark",
}

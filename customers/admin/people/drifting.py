"""What a changed name or address means elsewhere: nobody tells Lago, so a reconcile finds a difference."""

from collections.abc import Collection, Sequence

from django.contrib import messages
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from billing.reports import drifted
from customers.admin.people.summary import lago_page_of
from customers.backfill.beside import is_beside_platform
from customers.models import User

WHAT = {"email": "address", "display_name": "name"}
IN_LAGO = {"email": "email", "display_name": "name"}


def tell_of_drift(request: HttpRequest, customer: User, changed: Collection[str]) -> None:
    """Say it with the way to Lago's own page, to whoever has just changed one."""
    fields = [field for field in WHAT if field in changed]
    if not fields or not customer.external_id:
        return
    what = " and ".join(WHAT[field] for field in fields)
    where = "Lago and the platform still have" if is_beside_platform() else "Lago still has"
    told = format_html(
        "{} the old {}. {} {}",
        where, what, _until_then(customer, fields), _way(lago_page_of(customer), customer.external_id),
    )  # fmt: skip
    messages.warning(request, told)


def _until_then(customer: User, fields: Sequence[str]) -> str:
    """Say what a reconcile of the run that brought the customer will name."""
    row = customer.backfill_rows.select_related("run").order_by("-run_id").first()
    if row is None:
        return "Change it there too."
    kinds = " and ".join(drifted(IN_LAGO[field]).kind for field in fields)
    return f"Until it is changed there too, a reconcile of run {row.run.run_id} names {kinds}."


def _way(page: str, external_id: str) -> SafeString | str:
    if page:
        return format_html('<a href="{}" rel="noopener noreferrer" target="_blank">Open Lago</a>', page)
    return f"In Lago it is the customer with the external id {external_id}."

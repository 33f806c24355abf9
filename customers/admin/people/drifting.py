"""What a changed name or address means elsewhere: nobody tells Lago, so a reconcile finds a difference."""

from collections.abc import Collection

from django.contrib import messages
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from customers.admin.people.summary import lago_page_of
from customers.backfill.beside import is_beside_platform
from customers.models import User

WHAT = {"email": "address", "display_name": "name"}


def tell_of_drift(request: HttpRequest, customer: User, changed: Collection[str]) -> None:
    """Say it with the way to Lago's own page, to whoever has just changed one."""
    names = [name for field, name in WHAT.items() if field in changed]
    if not names or not customer.external_id:
        return
    what = " and ".join(names)
    where = "Lago and the platform still have" if is_beside_platform() else "Lago still has"
    told = format_html(
        "{} the old {}. Until it is changed there too, a reconcile reports it. {}",
        where, what, _way(lago_page_of(customer), customer.external_id),
    )  # fmt: skip
    messages.warning(request, told)


def _way(page: str, external_id: str) -> SafeString | str:
    if page:
        return format_html('<a href="{}" rel="noopener noreferrer" target="_blank">Open Lago</a>', page)
    return f"In Lago it is the customer with the external id {external_id}."

"""*Send sign-in link*: a customer on the phone gets the mail that they could also ask for themselves."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_POST

from customers.admin.access import CUSTOMERS, WELCOME, actor, may, needs
from customers.admin.people.summary import why_no_link
from customers.models import Customer, WorkerBeat
from customers.phrases import in_words
from customers.queueing import QueueAway
from customers.sign_in import throttle
from customers.sign_in.by_staff import Asked, ask_for

NAME = "customers_customer_send_link"
PAGE = "admin:customers_customer_change"


class SignInLinkMixin:
    """Adds the address that the button posts to."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.send_link_view)  # type: ignore[attr-defined]
        return [path("<int:pk>/send-link/", view, name=NAME), *super().get_urls()]  # type: ignore[misc]

    @method_decorator(require_POST)
    @needs(WELCOME)
    def send_link_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        customer = get_object_or_404(Customer, pk=pk)
        why_not = why_no_link(customer)
        if why_not:
            messages.error(request, why_not)
        else:
            _ask(request, customer)
        # Who may send and not see gets no further than the overview.
        return redirect(PAGE, pk) if may(request.user, CUSTOMERS) else redirect("admin:index")


def _ask(request: HttpRequest, customer: Customer) -> None:
    try:
        asked = ask_for(customer, actor(request))
    except QueueAway:
        messages.error(request, "The queue (Q_BROKER_URL) does not answer, so nothing was sent. Try again.")
        return
    if asked is Asked.TOO_OFTEN:
        wait = in_words(throttle.WINDOW)
        messages.error(request, f"Links were asked for too often for this address. Wait {wait}.")
    elif asked is Asked.JUST_NOW:
        messages.info(request, "A link was asked for less than a minute ago; one is enough.")
    elif WorkerBeat.is_fresh():
        messages.success(request, "The link is being mailed. This page says when it is out; reload it.")
    else:
        messages.warning(request, "The link is queued. No worker is running: it is mailed once one is.")

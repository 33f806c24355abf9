"""The customers' pages: sign in by a link in a mail, see the account, sign out."""

from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import LogoutView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse, reverse_lazy
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.translation import override
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from customers.account import account_of
from customers.forms import AddressForm
from customers.languages import in_their_language, language_for, named
from customers.mail.messages import contact
from customers.models import User
from customers.phrases import in_words
from customers.queueing import QueueAway
from customers.sign_in import links, throttle
from customers.sign_in.asking import ask
from customers.sign_in.client import client_address

SIGN_IN = reverse_lazy("customers:sign_in")


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@in_their_language
def sign_in(request: HttpRequest) -> HttpResponse:
    """Take an address and promise a mail, in the same words whoever it belongs to."""
    if request.method != "POST" and request.user.is_authenticated:
        return _page(request, "signed_in")
    form = AddressForm(request.POST or None)
    if not form.is_valid():
        return _page(request, "sign_in", {"form": form}, status=400 if form.is_bound else 200)
    try:
        if not ask(form.cleaned_data["email"], client_address(request)):
            return _page(request, "too_often", {"wait": in_words(throttle.WINDOW)}, status=429)
    except QueueAway:
        return _page(request, "not_now", status=503)
    return redirect("customers:sent")


@require_safe
@in_their_language
def sent(request: HttpRequest) -> HttpResponse:
    return _page(request, "sent", {"lifetime": in_words(links.requested_ttl())})


@never_cache
@require_safe
def link(request: HttpRequest, token: str) -> HttpResponse:
    """Show a button and do nothing else: mail scanners open links, and must not use them up."""
    if links.owner(request, token):
        return redirect("customers:account")
    found = links.resolve(token)
    if found is None:
        return _dead(request, token)
    context = {"token": token, "owner": found.user, "invited": found.origin == links.INVITED}
    with override(language_for(request, found.user)):
        return _page(request, "link", context)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def use_link(request: HttpRequest) -> HttpResponse:
    """Sign in. The token comes in the body, so this page's address may be kept by anybody."""
    if request.method != "POST":
        return redirect("customers:sign_in")
    token = request.POST.get("token", "")
    if links.use(request, token) is None:
        return _dead(request, token)
    return redirect("customers:account")


@never_cache
@require_safe
@login_required(login_url=SIGN_IN, redirect_field_name=None)
@in_their_language
def account(request: HttpRequest) -> HttpResponse:
    user = request.user
    if not isinstance(user, User) or user.is_staff:
        return redirect("admin:index")
    return _page(request, "account", {"account": account_of(user), "today": timezone.localdate()})


@method_decorator(require_POST, name="dispatch")
class SignOut(LogoutView):
    next_page = "customers:sign_in"


@in_their_language
def stale_form(request: HttpRequest) -> HttpResponse:
    """Answer a form that comes without our cookie or with another one, and do nothing that it asks for.

    That is a second click after the first was answered, a second tab, a page that was open for long, blocked
    cookies, or another site. Whoever is where the button leads gets there; everybody else a way back to it.
    """
    signed_in = request.user.is_authenticated
    if request.path == reverse("customers:use_link"):
        token = request.POST.get("token", "")
        if links.owner(request, token):
            return redirect("customers:account")
        if not links.is_plausible(token):
            return _try_again(request, reverse("customers:sign_in"))
        return _try_again(request, reverse("customers:link", args=[token]))
    asking = request.path == reverse("customers:sign_in")
    if signed_in == asking:  # signed in, and asks for a link; or signed out, and wants to be
        return redirect("customers:sign_in")
    return _try_again(request, reverse("customers:account" if signed_in else "customers:sign_in"))


def _try_again(request: HttpRequest, address: str) -> HttpResponse:
    blocked = settings.CSRF_COOKIE_NAME not in request.COOKIES
    context = {"again": address, "blocked": blocked, "host": request.get_host()}
    return _page(request, "stale_form", context, status=403)


def _dead(request: HttpRequest, token: str) -> HttpResponse:
    with override(language_for(request, links.addressee(token))):
        return _page(request, "link_dead", status=410)


def _page(
    request: HttpRequest, name: str, context: dict[str, Any] | None = None, *, status: int = 200
) -> HttpResponse:
    """Render a page. Its address may hold a token: only our own name is told to whoever it links to.

    (`no-referrer` would be stricter, but then browsers hide the origin of forms, which the CSRF check needs.)
    """
    everywhere = {"operator": settings.OPERATOR_NAME, "contact": contact().address}
    response = render(request, f"customers/{name}.html", {**everywhere, **(context or {})}, status=status)
    response.headers["Referrer-Policy"] = "strict-origin"
    response.headers["X-Robots-Tag"] = "noindex"
    return named(response)

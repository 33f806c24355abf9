"""In which language somebody reads our mails and pages: their own where we have it, else the operator's."""

from collections.abc import Callable, Mapping
from functools import wraps
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_vary_headers
from django.utils.translation import get_language, override
from django.utils.translation.trans_real import parse_accept_lang_header

from kernel.languages import first_of

if TYPE_CHECKING:
    from customers.models import User

NAMES: Mapping[str, str] = {
    "en": "English",
    "de": "German",
    "fr": "French",
    "nl": "Dutch",
    "es": "Spanish",
    "it": "Italian",
}

View = Callable[..., HttpResponse]


def is_spoken(locale: str) -> bool:
    """Return whether our mails and pages have the language."""
    return first_of([locale], settings.MAIL_LANGUAGES) is not None


def language_of(locale: str) -> str:
    """Return the language of the mails and pages of a customer; `locale` is blank where nobody said."""
    return first_of([locale], settings.MAIL_LANGUAGES) or str(settings.MAIL_LANGUAGE)


def language_of_visitor(request: HttpRequest) -> str:
    """Return what the browser asks for first of what we have."""
    asked = parse_accept_lang_header(request.headers.get("Accept-Language", ""))
    wanted = (tag for tag, weight in asked if weight)  # 0: this one not, RFC 9110 §12.4.2
    return first_of(wanted, settings.MAIL_LANGUAGES) or str(settings.MAIL_LANGUAGE)


def language_for(request: HttpRequest, reader: "User | None" = None) -> str:
    """Return the language of the reader, or who is signed in; of the browser where they have none of ours."""
    locale = getattr(reader or request.user, "locale", "")
    return language_of(locale) if is_spoken(locale) else language_of_visitor(request)


def in_their_language(view: View) -> View:
    """Have a customers' page speak the visitor's language. No middleware does: the admin stays English."""

    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        with override(language_for(request)):
            return view(request, *args, **kwargs)

    return wrapped


def named(response: HttpResponse) -> HttpResponse:
    """Say in which language a page is, and that another browser may get another."""
    response.headers["Content-Language"] = get_language() or ""
    patch_vary_headers(response, ["Accept-Language"])
    return response

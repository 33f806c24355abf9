"""What a browser may load and run on our pages, and how much it may send."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.request import split_domain_port, validate_host

from polaris_backfill.refusals import ADMIN, too_large

GetResponse = Callable[[HttpRequest], HttpResponse]

NOWHERE = (
    "default-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'; img-src 'self' data:"
)

# A customer's page runs no script at all.
CUSTOMER_PAGES = f"{NOWHERE}; style-src 'self'; font-src 'self'"

# No script in a page, only files of our own. django-unfold needs two concessions: its menus are Alpine.js,
# which turns attributes into functions ('unsafe-eval'), and its theme sets colours in style elements.
ADMIN_PAGES = (
    f"{NOWHERE}; script-src 'self' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; font-src 'self';"
    " connect-src 'self'"
)

PERMISSIONS = "camera=(), geolocation=(), microphone=(), payment=(), usb=()"
FORM_OVERHEAD = 1024 * 1024  # the other fields of an upload


def port_of_https(get_response: GetResponse) -> GetResponse:
    """Have whoever comes by http led to the port of https that ALLOWED_HOSTS names for the host.

    Django would lead to the port that they came by, which is http's, or to none where the proxy left it out.
    """

    named = [host for host in settings.HOSTS if host.name != "*"]

    def middleware(request: HttpRequest) -> HttpResponse:
        if settings.SECURE_SSL_REDIRECT and not request.is_secure():
            name, _ = split_domain_port(request.get_host())
            meant = next((host for host in named if validate_host(name, [host.name])), None)
            if meant:
                request.META["HTTP_HOST"] = f"{name}:{meant.port}" if meant.port else name
        return get_response(request)

    return middleware


def security_headers(get_response: GetResponse) -> GetResponse:
    """Set the content security policy, and switch off what no page of ours needs."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        is_admin = request.path.startswith(ADMIN)
        response.headers.setdefault("Content-Security-Policy", ADMIN_PAGES if is_admin else CUSTOMER_PAGES)
        response.headers.setdefault("Permissions-Policy", PERMISSIONS)
        return response

    return middleware


def body_limit(get_response: GetResponse) -> GetResponse:
    """Refuse a body that is too large before it is read: Django would write it to the disk first."""

    def middleware(request: HttpRequest) -> HttpResponse:
        length = request.META.get("CONTENT_LENGTH") or "0"
        if not length.isdigit() or int(length) > settings.MAX_UPLOAD_BYTES + FORM_OVERHEAD:
            return too_large(request)
        return get_response(request)

    return middleware

"""The platform's addresses: its webhook, its sign-in and what a browser finds behind it."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html import escape
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs, urlencode

from rehearsal.platform.http_api import ApiError
from rehearsal.platform.sign_in import Refusal, SignIn
from rehearsal.platform.signature import Signatures
from rehearsal.platform.webhooks import Webhooks
from rehearsal.stand_in.messages import Reply, Request

COOKIE = "polaris.session_token"
HTML = "text/html; charset=utf-8"
WEBHOOK = "/api/webhook/lago"


@dataclass(frozen=True, slots=True)
class Site:
    webhooks: Webhooks
    signatures: Signatures
    sign_in: SignIn


def webhook(site: Site, request: Request) -> Reply:
    try:
        accepted = site.signatures.accept(request.headers, request.body)
    except ApiError:
        return Reply.json({"error": "Lago's key is not to be had"}, 503)
    if not accepted:
        return Reply.json({"error": "Unauthorized"}, 401)
    site.webhooks.receive(json.loads(request.body))
    return Reply.json({"received": True})


def health(site: Site, request: Request) -> Reply:
    return Reply.json({"status": "ok"})


def confirm(site: Site, request: Request) -> Reply:
    """Show a button, so that what only looks at links does not use one up."""
    hidden = "".join(
        f'<input type="hidden" name="{name}" value="{escape(_given(request.query, name))}">'
        for name in ("token", "callbackURL")
    )
    form = f'<form method="post" action="/auth/verify">{hidden}<button>Sign in</button></form>'
    return Reply(200, f"<!doctype html><title>Sign in</title>{form}".encode(), HTML)


def verify_by_button(site: Site, request: Request) -> Reply:
    """Sign in, or lead to the front page without a word."""
    sent = request.body.decode() or request.query
    session, refusal = site.sign_in.use(_given(sent, "token"))
    return _to("/") if refusal else _to(_same_site(_given(sent, "callbackURL")), session)


def verify_at_once(site: Site, request: Request) -> Reply:
    """Sign in by a mere look at the address, and say in the next one why not."""
    session, refusal = site.sign_in.use(_given(request.query, "token"))
    callback = _same_site(_given(request.query, "callbackURL"))
    return _refused(callback, refusal) if refusal else _to(callback, session)


def front_page(site: Site, request: Request) -> Reply:
    user = site.sign_in.visitor(_session(request))
    if user is None:
        return _to("/login")
    page = f"<!doctype html><title>Polaris</title>Signed in: {user['public_id']} ({user['role']})"
    return Reply(200, page.encode(), HTML)


def login_page(site: Site, request: Request) -> Reply:
    return Reply(200, b"<!doctype html><title>Log in</title>Ask for a link.", HTML)


def sign_out(site: Site, request: Request) -> Reply:
    site.sign_in.sign_out(_session(request))
    return Reply.json({"success": True}, headers={"Set-Cookie": f"{COOKIE}=; Path=/; Max-Age=0"})


def missing(site: Site, request: Request) -> Reply:
    return Reply.json({"error": "Not Found"}, 404)


Page = Callable[[Site, Request], Reply]

PAGES: Mapping[tuple[str, str], Page] = {
    ("POST", WEBHOOK): webhook,
    ("GET", "/api/health"): health,
    ("GET", "/auth/verify"): confirm,
    ("POST", "/auth/verify"): verify_by_button,
    ("GET", "/api/auth/magic-link/verify"): verify_at_once,
    ("POST", "/api/auth/sign-out"): sign_out,
    ("GET", "/"): front_page,
    ("GET", "/login"): login_page,
}


def _given(encoded: str, name: str) -> str:
    return parse_qs(encoded).get(name, [""])[0]


def _same_site(callback: str) -> str:
    is_path = callback.startswith("/") and not callback.startswith(("//", "/\\"))
    return callback if is_path and callback.isprintable() else "/"


def _to(place: str, session: str = "") -> Reply:
    cookie = {"Set-Cookie": f"{COOKIE}={session}; Path=/; HttpOnly; SameSite=Lax"} if session else {}
    return Reply(302, b"", HTML, {"Location": place, **cookie})


def _refused(callback: str, refusal: Refusal) -> Reply:
    mark = "&" if "?" in callback else "?"
    return _to(f"{callback}{mark}{urlencode({'error': refusal.value})}")


def _session(request: Request) -> str:
    try:
        cookie = SimpleCookie(request.headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return ""
    return cookie.value if cookie else ""

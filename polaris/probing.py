"""Find out whether the platform understands the links that are written for it; nobody is signed in."""

from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import requests
from requests.auth import AuthBase

from kernel.http import lost, session
from polaris.database import PlatformDatabase
from polaris.errors import PolarisError
from polaris.links import hashed, mint_for_nobody, new_token, query, revoke

AT_ONCE = "/api/auth/magic-link/verify"
UNDERSTOOD = "new_user_signup_disabled"  # the rows were read, and nobody has that address
TIMEOUT_S = (5, 10)
LINKS_UNKNOWN = "polaris_links_unknown"
TOO_MANY = 429


class _Nobody(AuthBase):
    """Asks as a customer does: with no login, not even one of a ~/.netrc."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        return request


def prove_links(database: PlatformDatabase, customer_url: str) -> None:
    """Have the platform try a link for an address that nobody has, and delete it again.

    Raises PolarisError: LINKS_UNKNOWN where the platform does not know what to do with it, and
    `polaris_unreachable` where its page does not answer. Proves as well that database and page are of one
    platform.
    """
    token = new_token()
    mint_for_nobody(database, token, f"probe-{uuid4().hex}@polaris-backfill.invalid")
    try:
        answer = _visit(customer_url, token)
    finally:
        revoke(database, [hashed(token)])
    _judge(answer, customer_url)


def _visit(customer_url: str, token: str) -> requests.Response:
    try:
        browser = session(_Nobody(), 1, customer_url)
    except ValueError as error:  # authorities that cannot be read; the message names the variable
        raise PolarisError("polaris_refused", str(error)) from None
    try:
        with browser:
            url = f"{customer_url}{AT_ONCE}?{query(token)}"
            return browser.get(url, allow_redirects=False, timeout=TIMEOUT_S)
    except requests.RequestException as failure:  # whose text holds the token
        raise _unreachable(customer_url, lost(failure).why) from None


def _judge(answer: requests.Response, customer_url: str) -> None:
    status = answer.status_code
    if status >= requests.codes.server_error or status == TOO_MANY:
        raise _unreachable(customer_url, f"it answers {status}")
    errors = parse_qs(urlsplit(answer.headers.get("Location", "")).query).get("error", [])
    if UNDERSTOOD in errors:
        return
    what = "does not understand them" if errors else f"has no sign-in by link there ({status})"
    error = PolarisError(LINKS_UNKNOWN, f"No links can be made: the platform at {customer_url} {what}")
    error.hint = (
        "POLARIS_CUSTOMER_URL has to lead to the platform whose database POLARIS_DATABASE_URL names; if it"
        " does, its sign-in is of a version that is not known yet. Nobody was mailed."
    )
    raise error


def _unreachable(customer_url: str, why: str) -> PolarisError:
    message = f"The platform at {customer_url} (POLARIS_CUSTOMER_URL) cannot be reached: {why}"
    error = PolarisError("polaris_unreachable", message, down=True)
    error.hint = "Nobody was mailed. Mend it, then run the same command again."
    return error

"""The answers that do not come from SteVe's API: its web server's, its sign-in page's."""

import json
from http import HTTPStatus

from rehearsal.stand_in.messages import Reply, Request
from rehearsal.steve.versions import V3_9, Version

CONTEXT = "/steve"
SIGN_IN = f"{CONTEXT}/manager/signin"
HTML = "text/html;charset=iso-8859-1"
LONGEST_ADDRESS = 8_000  # bytes of path and query


def accepted(request: Request) -> list[str]:
    """Return the media types that the caller takes; all of them where it says nothing."""
    given = request.headers.get("accept", "*/*").lower().replace(" ", "")
    kinds = (kind.partition(";") for kind in given.split(","))
    return [kind for kind, _, parameters in kinds if parameters != "q=0"]


def takes(request: Request, content_type: str) -> bool:
    family = f"{content_type.partition('/')[0]}/*"
    return any(kind in ("*/*", family, content_type) for kind in accepted(request))


def jetty(request: Request, status: int) -> Reply:
    """Return the web server's own page: HTML, its own JSON, or nothing, as the caller takes it.

    In its JSON the status is a text, by which it can be told from an answer of the API.
    """
    phrase = HTTPStatus(status).phrase
    asked = accepted(request)
    if "application/json" in asked:
        body = {"url": request.path, "status": str(status), "message": phrase}
        return Reply(status, json.dumps(body).encode(), "application/json")
    if {"*/*", "text/*", "text/html"} & set(asked):
        return Reply(
            status, f"<html><body><h2>HTTP ERROR {status} {phrase}</h2></body></html>".encode(), HTML
        )
    return Reply(status, b"", HTML)


def no_such(request: Request, version: Version) -> Reply:
    """Answer an address, a method or a media type that the API has not."""
    return jetty(request, 403 if version >= V3_9 else 404)


def to_sign_in() -> Reply:
    cookie = "JSESSIONID=node0sandbox.node0; Path=/steve; HttpOnly"
    return Reply(302, b"", HTML, {"Location": SIGN_IN, "Set-Cookie": cookie})


def outside_the_api(request: Request) -> Reply:
    """Answer an address that no API call has: the pages for people, or another program's."""
    if request.path == SIGN_IN:
        return Reply(200, b"<!doctype html><title>Sign in</title>", HTML)
    if request.path == CONTEXT or request.path.startswith(f"{CONTEXT}/"):
        return to_sign_in()
    return jetty(request, 404)


TOO_LONG = Reply(
    414, b"<h1>Bad Message 414</h1><pre>reason: URI Too Long</pre>", HTML, {"Connection": "close"}
)
SWITCHED_OFF = Reply(500, b"<html><body><p>Web APIs are not exposed</p></body></html>", HTML)

"""What came back: SteVe's JSON, or the SteveError that says what it was instead."""

import json
from collections.abc import Mapping
from http.client import BadStatusLine
from typing import Any
from urllib.parse import urlsplit

import requests

from charging import errors
from charging.errors import SteveError
from kernel import http

API_IS_OFF = b"Web APIs are not exposed"
WANTS_HTTPS = b"HTTPS port"  # how proxies answer to plain HTTP


def judge(what: str, response: requests.Response, *, write: bool) -> Any:
    """Return the JSON of a good answer, None for an empty one; raise SteveError.

    Only JSON with the status as a number is SteVe's own. The pages of its web server have it as text, as JSON
    too, and those of a proxy have none.
    """
    status = response.status_code
    body = _parsed(response.content)
    if 200 <= status < 300:
        if body is NO_JSON:
            raise errors.unexpected(what, f"no JSON ({status})", status=status, sent=write)
        return body
    raise _failure(what, response, _own(body, status), write=write)


def _failure(
    what: str, response: requests.Response, own: Mapping[str, Any] | None, *, write: bool
) -> SteveError:
    status = response.status_code
    if status == 401:
        return errors.login_refused(own["message"] if own else None)
    if status < 400:
        return _redirected(what, response)
    if status >= 500:
        off = API_IS_OFF in response.content
        return errors.switched_off(status) if off else errors.failed(what, status, write=write)
    if status == 403 or (status == 404 and own is None):
        return errors.no_such_path(what, status)
    if own is not None:
        return errors.refused(what, status)
    if WANTS_HTTPS in response.content:
        return errors.plain_on_https(what, status)
    return errors.unexpected(what, f"HTTP {status}, not by SteVe", status=status)


def _redirected(what: str, response: requests.Response) -> SteveError:
    target = urlsplit(response.headers.get("Location", ""))
    upgraded = target.scheme == "https" and urlsplit(response.url).scheme == "http"
    return errors.redirected(
        what, response.status_code, to_sign_in="/manager" in target.path, to_https=upgraded
    )


def lost(
    what: str,
    url: str,
    failure: requests.RequestException,
    timeout_s: float,
    *,
    write: bool,
    settable: bool,
) -> SteveError:
    """Return the error for a call without an answer. The library's own words hold the query."""
    call = http.lost(failure)
    if call.late and not call.unsent:
        return errors.late(what, timeout_s, write=write, settable=settable)
    return errors.lost(
        what,
        call.why,
        _to_check(url, failure, call),
        sent=write and not call.unsent,
        repeatable=not call.untrusted,
        timed_out=call.late,
    )


def _to_check(url: str, failure: requests.RequestException, call: http.Lost) -> str:
    is_https = url.startswith("https:")
    if call.untrusted:
        return "check STEVE_BASE_URL, or name the file with its authority in REQUESTS_CA_BUNDLE"
    if is_https and isinstance(failure, requests.exceptions.SSLError):
        return "check STEVE_BASE_URL; does SteVe speak https there, or plain http?"
    if not is_https and _is_no_http(failure):
        return "check STEVE_BASE_URL; does SteVe speak plain http there, or https?"
    return "check STEVE_BASE_URL"


def _is_no_http(failure: requests.RequestException) -> bool:
    """Return whether the other side hung up, or spoke, as one does who was not addressed in HTTP."""
    reasons = getattr(failure.args[0], "args", ()) if failure.args else ()
    return any(isinstance(reason, BadStatusLine) for reason in reasons)


NO_JSON = object()


def _parsed(content: bytes) -> Any:
    try:
        return json.loads(content or b"null")
    except ValueError:
        return NO_JSON


def _own(body: Any, status: int) -> Mapping[str, Any] | None:
    """Return SteVe's `ApiErrorResponse`, None if it is somebody else's."""
    if not isinstance(body, dict) or not isinstance(body.get("message"), str):
        return None
    return body if body.get("status") == status and isinstance(body["status"], int) else None

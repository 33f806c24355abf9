"""Where SteVe is and how we get in: the address and the login, made safe before anything is sent."""

import re
from urllib.parse import SplitResult, urlsplit

import requests
from requests.auth import AuthBase, HTTPBasicAuth

KEY_HEADER = "STEVE-API-KEY"  # SteVe's own default
HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")

# What is copied along with SteVe's base: the API's own path, a page of the browser, a charge point's path.
BELOW_THE_BASE = re.compile(
    r"/+(?:api|api/v1|api/v1/ocppTags|manager(?:/.*)?|(?:websocket|services)/CentralSystemService(?:/.*)?)$"
)


class Login(AuthBase):
    """Sends both logins with each call: up to 3.7 SteVe looks at a header, from 3.8 on at HTTP Basic.

    As UTF-8, which requests would not choose.
    """

    def __init__(self, username: str, key: str, key_header: str = KEY_HEADER) -> None:
        if not username or not key:
            raise ValueError("STEVE_API_USERNAME and STEVE_API_KEY must both be set")
        if ":" in username:
            raise ValueError("STEVE_API_USERNAME must not hold a colon: HTTP Basic cannot send it")
        if not key.isprintable():
            raise ValueError("STEVE_API_KEY holds characters that no header takes")
        if not HEADER_NAME.fullmatch(key_header):
            raise ValueError(f"STEVE_API_KEY_HEADER must be the name of a header, such as {KEY_HEADER}")
        self._basic = HTTPBasicAuth(username.encode(), key.encode())
        self._header, self._key = key_header, key.encode()

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        self._basic(request)
        request.headers[self._header] = self._key  # type: ignore[assignment]  # bytes are sent as they are
        return request


def normalised(base_url: str) -> str:
    """Return SteVe's base, freed of what was copied along; raise ValueError if it cannot be used or shown."""
    parts = _split(base_url.strip())
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("STEVE_BASE_URL must look like http://host:8080/steve")
    if parts.query or parts.fragment:
        raise ValueError("STEVE_BASE_URL must look like http://host:8080/steve, without ? and #")
    if parts.username or parts.password:
        raise ValueError("STEVE_BASE_URL must not hold a user name or password")
    path = BELOW_THE_BASE.sub("", parts.path.rstrip("/"))
    return f"{parts.scheme}://{parts.netloc}{path.rstrip('/')}"


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        return parts if parts.port != 0 else None  # reading the port is what checks it
    except ValueError:
        return None

"""Addresses, ids and the key, made safe before anything is sent."""

from urllib.parse import quote, urlsplit


def path_id(external_id: str) -> str:
    """Escape an id for a path; raise ValueError for one that would change the path.

    Lago splits the raw path at slashes and dots and only then decodes it: `a.b` would mean `a` in format `b`.
    """
    if external_id in ("", ".", ".."):
        raise ValueError("an id that is blank or only dots cannot be part of an address")
    return quote(external_id, safe="").replace(".", "%2E")


def without_blanks(external_id: str) -> str:
    """Refuse blanks around an id: some of Lago's calls cut them off, some do not, and so one becomes two."""
    if not external_id or external_id != external_id.strip():
        raise ValueError("an external_id must not be blank nor begin or end with a blank")
    return external_id


def normalised(url: str) -> str:
    """Return the base address without `/api/v1` and trailing slash; raise ValueError if it is none."""
    try:
        parts = urlsplit(url.strip())
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable or parts.query or parts.fragment:
        raise ValueError("LAGO_API_URL must look like http://host:port")
    if parts.username or parts.password:
        raise ValueError("LAGO_API_URL must not hold a user name or password")
    path = parts.path.rstrip("/").removesuffix("/api/v1").rstrip("/")
    return f"{parts.scheme}://{parts.netloc}{path}"


def checked_key(key: str) -> str:
    """Return the key; raise ValueError, without showing it, if it cannot stand in a header."""
    if not key or not key.isascii() or not key.isprintable() or " " in key:
        raise ValueError("LAGO_API_KEY is blank or holds characters that no key has")
    return key

"""Values from the environment, each either right or refused in one line that names its variable.

A blank variable counts as unset. What a refused value was is shown only where it cannot be a secret:
an address may carry a password, so it never is.
"""

import ipaddress
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

import environ
import psycopg
from django.core.exceptions import ImproperlyConfigured

ASSIGNMENT = re.compile(r"^(?:(?:export )?[A-Za-z_][A-Za-z_0-9]*=.*|\s*|#.*)$")
DOLLAR = re.compile(r"^(?:export )?([A-Za-z_][A-Za-z_0-9]*)=(?!').*\$")
DATABASE_LOOKS_LIKE = "it looks like postgres://user:password@host:5432/name"
MAIL_LOOKS_LIKE = "it looks like smtp+tls://user:password@host:587"
LABEL = r"[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?"
HOST = re.compile(rf"^(?P<name>\*|\.?{LABEL}(?:\.{LABEL})*|\[[0-9a-f:.]+\])(?::(?P<port>[0-9]{{1,5}}))?$")
HTTPS_PORT = 443
MAIL_PORTS = {"smtp": 25, "smtp+tls": 587, "smtp+ssl": 465, "consolemail": 0}


read_otherwise: list[str] = []  # variables of the file whose `$` compose would take for another variable


def read_file(default: Path) -> None:
    """Add what the file says to the environment, which itself wins.

    `ENV_FILE` names another file; set but blank, none is read at all.
    """
    path = Path(os.environ.get("ENV_FILE", default))
    if path == Path() or (path == default and not path.exists()):
        return
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError):
        raise ImproperlyConfigured(f"ENV_FILE: {path} cannot be read as UTF-8 text.") from None
    for number, line in enumerate(lines, start=1):
        if not ASSIGNMENT.match(line):
            raise ImproperlyConfigured(
                f"ENV_FILE: line {number} of {path} must be NAME=value, without spaces."
            )
    read_otherwise[:] = [found[1] for line in lines if (found := DOLLAR.match(line))]
    environ.Env.read_env(path, encoding="utf-8-sig")


def without_ours(example: Path) -> dict[str, str]:
    """Return the environment less the variables that the example file explains: for a child with its own."""
    ours = set(re.findall(r"^#? ?([A-Z][A-Z_]*)=", example.read_text("utf-8"), re.MULTILINE))
    return {name: value for name, value in os.environ.items() if name not in ours}


def text(name: str, default: str = "") -> str:
    return os.environ.get(name, "").strip() or default


def names(name: str, default: Sequence[str] = ()) -> list[str]:
    return [part.strip() for part in text(name).split(",") if part.strip()] or list(default)


@dataclass(frozen=True, slots=True)
class Host:
    """A name under which people reach us, as Django writes it; `port` is 0 where it goes without saying."""

    name: str
    port: int = 0

    @property
    def origin(self) -> str:
        """Return what a browser calls our pages; `*` stands for the names below."""
        name = f"*{self.name}" if self.name.startswith(".") else self.name
        return f"https://{name}:{self.port}" if self.port else f"https://{name}"


def hosts(name: str, default: Sequence[str] = ()) -> list[Host]:
    """Return the hosts of a list, each perhaps with a port: `a.b`, `a.b:8443`, `.below.it`, `[::1]:8443`."""
    return [_host(name, part) for part in names(name, default)]


def _host(name: str, value: str) -> Host:
    found = HOST.match(value.lower())
    port = int(found["port"] or HTTPS_PORT) if found else 0
    if found is None or not 0 < port < 2**16 or value.startswith("*:") or not _is_host(found["name"]):
        raise ImproperlyConfigured(
            f"{name} must list names such as backfill.example.com, or backfill.example.com:8443 where https"
            f" is not at port 443, and no https://; not {value!r}."
        )
    return Host(found["name"], 0 if port == HTTPS_PORT else port)


def _is_host(name: str) -> bool:
    """Return whether what stands in brackets is an address, as IPv6 is written there."""
    if not name.startswith("["):
        return True
    try:
        return bool(ipaddress.IPv6Address(name[1:-1]))
    except ValueError:
        return False


def flag(name: str, default: str = "0") -> bool:
    value = text(name, default).lower()
    if value in {"1", "true", "yes", "on"}:
        return True
    if value in {"0", "false", "no", "off"}:
        return False
    raise ImproperlyConfigured(f"{name} must be 1 or 0, not {value!r}.")


def one_of(name: str, default: str, choices: Sequence[str]) -> str:
    value = text(name, default).lower()
    if value not in choices:
        raise ImproperlyConfigured(f"{name} must be one of {', '.join(choices)}, not {value!r}.")
    return value


def whole(name: str, default: int, *, least: int, most: int) -> int:
    value = text(name, str(default))
    if not re.fullmatch(r"-?[0-9]{1,9}", value) or not least <= int(value) <= most:
        raise ImproperlyConfigured(f"{name} must be a whole number from {least} to {most}, not {value!r}.")
    return int(value)


def whole_if_set(name: str, *, least: int, most: int) -> int | None:
    """Tell 0, which is a statement, from nothing said."""
    return whole(name, least, least=least, most=most) if text(name) else None


def url(name: str, default: str = "", *, schemes: tuple[str, ...] = ("http", "https")) -> str:
    """Return the address without a trailing slash; only a broker's may carry a login, as others are shown."""
    value = text(name, default).rstrip("/")
    if not value:
        return ""
    parts = _split(value)
    if parts is None or parts.scheme not in schemes or not parts.hostname or re.search(r"\s", value):
        raise ImproperlyConfigured(f"{name} must be an address such as {schemes[0]}://host:port.")
    if parts.scheme.startswith(("http", "ws")) and ("@" in parts.netloc or parts.query or parts.fragment):
        raise ImproperlyConfigured(f"{name} must be a plain address, without login, ? and #.")
    return value


def webhook(name: str) -> str:
    """Return the address as it was given: a slash at its end and what follows a `?` are part of it.

    It may be a secret by itself, so no page or log shows more of it than its host.
    """
    value = text(name)
    parts = _split(value)
    if value and (
        parts is None
        or parts.scheme not in ("http", "https")
        or not parts.hostname
        or "@" in parts.netloc
        or parts.fragment
        or re.search(r"\s", value)
    ):
        raise ImproperlyConfigured(
            f"{name} must be an address such as https://host/path, without login and #."
        )
    return value


def database(name: str, value: str) -> dict[str, Any]:
    """Return Django's configuration for the PostgreSQL that `value`, the content of the variable, names."""
    if not value.startswith(("postgres://", "postgresql://")):
        raise ImproperlyConfigured(f"{name} must name a PostgreSQL database; {DATABASE_LOOKS_LIKE}.")
    try:
        config: dict[str, Any] = environ.Env.db_url_config(value)
        options = {"connect_timeout": 5, **config.get("OPTIONS", {})}
        psycopg.conninfo.make_conninfo("", **options)
    except (ValueError, psycopg.Error):  # whose messages quote pieces of the password
        raise ImproperlyConfigured(f"{name} cannot be read; {DATABASE_LOOKS_LIKE}.") from None
    if not config["NAME"]:
        raise ImproperlyConfigured(f"{name} names no database; {DATABASE_LOOKS_LIKE}.")
    return {**config, "OPTIONS": options}


def database_if_set(name: str, *, word: str) -> str:
    """Return the address of a PostgreSQL as it was given, `word` where just that was said, or nothing."""
    value = text(name)
    if value and value != word:
        database(name, value)
    return value


def mail(name: str) -> dict[str, Any]:
    """Return Django's EMAIL_* settings for the server that the variable points to; {} where it is unset."""
    value = text(name)
    if not value:
        return {}
    parts = _split(value)
    if (
        parts is None
        or parts.scheme not in MAIL_PORTS
        or (parts.scheme != "consolemail" and not parts.hostname)
    ):
        raise ImproperlyConfigured(f"{name} must be smtp://, smtp+tls:// or smtp+ssl://; {MAIL_LOOKS_LIKE}.")
    config = environ.Env.email_url_config(value)
    settings = {key: config[key] for key in config if key.startswith("EMAIL_") and key != "EMAIL_FILE_PATH"}
    return {**settings, "EMAIL_PORT": parts.port or MAIL_PORTS[parts.scheme]}


def _split(value: str) -> SplitResult | None:
    try:
        parts = urlsplit(value)
        return parts if parts.port != 0 else None  # reading the port is what checks it
    except ValueError:
        return None

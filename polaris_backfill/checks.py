"""Refuses combinations of settings that each are right and together are not."""

import ipaddress
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning

WITH_A_KEY = ("LAGO_API_URL", "STEVE_BASE_URL", "STEVE_OCPP_URL", "CF_EMAIL_WORKER_URL")


def check_combinations(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """List what contradicts itself; an Error keeps every command and the web server from starting."""
    return [*_jobs(), *_mail(), *_steve(), *_clear_text()]


def _jobs() -> Iterator[CheckMessage]:
    cluster = settings.Q_CLUSTER
    if cluster["retry"] <= cluster["timeout"]:
        yield Error(
            "Q_CLUSTER: retry must be longer than timeout.",
            hint="A job that runs longer than retry is handed out a second time while the first still runs.",
            id="polaris.E001",
        )


def _mail() -> Iterator[CheckMessage]:
    if settings.CF_EMAIL_WORKER_URL and not settings.CF_EMAIL_WORKER_SECRET:
        yield Error("CF_EMAIL_WORKER_URL is set, CF_EMAIL_WORKER_SECRET is not.", id="polaris.E002")
    if settings.CF_EMAIL_WORKER_URL and settings.EMAIL_URL:
        yield Warning(
            "CF_EMAIL_WORKER_URL and EMAIL_URL are both set: mail goes to the worker.", id="polaris.W003"
        )
    sends = bool(settings.CF_EMAIL_WORKER_URL or settings.EMAIL_URL)
    for name in ("EMAIL_FROM", "CUSTOMER_BASE_URL"):
        if sends and not getattr(settings, name):
            yield Error(f"Mail is set up, but {name} is not set.", id="polaris.E004")


def _steve() -> Iterator[CheckMessage]:
    for name in ("STEVE_API_USERNAME", "STEVE_API_KEY"):
        if settings.STEVE_BASE_URL and not getattr(settings, name):
            yield Error(f"STEVE_BASE_URL is set, {name} is not.", id="polaris.E005")


def _clear_text() -> Iterator[CheckMessage]:
    """Who reads a magic link can sign in with it; who reads a key can bill everybody."""
    if settings.DEBUG:
        return
    if settings.CUSTOMER_BASE_URL.startswith("http:"):
        yield Error("CUSTOMER_BASE_URL must be https: it carries magic links.", id="polaris.E006")
    for name in WITH_A_KEY:
        parts = urlsplit(getattr(settings, name))
        if parts.scheme in {"http", "ws"} and _is_public(parts.hostname or ""):
            yield Warning(f"{name} sends a key in clear text: use {parts.scheme}s.", id="polaris.W007")


def _is_public(host: str) -> bool:
    """Tell whether the host is on the internet, as far as its name shows (in a compose network: no dot)."""
    try:
        return ipaddress.ip_address(host).is_global
    except ValueError:
        return "." in host and not host.endswith((".local", ".internal", ".lan", ".localhost"))

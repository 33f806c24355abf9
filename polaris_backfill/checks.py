"""Remarks on settings that each are right and together are not."""

import ipaddress
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning

from customers.mail.checking import template_problems
from customers.mail.ready import wrong_addresses
from polaris_backfill import environment
from polaris_backfill.static import not_collected

SECRET_LENGTH = 32  # of what signs; whoever has heard one signature can try all that are short
WITH_A_KEY = ("LAGO_API_URL", "STEVE_BASE_URL", "STEVE_OCPP_URL", "CF_EMAIL_WORKER_URL")


def check_combinations(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """List what contradicts itself. An Error keeps every command and the web server from starting."""
    return [*_jobs(), *_file(), *_mail(), *_webhook(), *_metrics(), *_clear_text()]


def check_proxies(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Miss the number of proxies; asked for by `check --deploy` alone, as the service does without."""
    if settings.DEBUG or settings.TRUSTED_PROXY_COUNT is not None:
        return []
    unset = "TRUSTED_PROXY_COUNT is not set: behind a proxy nothing is limited by client."
    hint = "Say how many proxies are in front: 1 for a single one."
    return [Warning(unset, hint=hint, id="polaris.W004")]


def check_static_files(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Miss what browsers could keep; asked for by `check --deploy` alone, as pages work without."""
    missing = not_collected()
    if not missing:
        return []
    said = f"Static files are not collected, or are those of another version ({len(missing):,} of them)."
    return [Warning(said, hint="Run: python manage.py collectstatic --noinput", id="polaris.W008")]


def _jobs() -> Iterator[CheckMessage]:
    cluster: dict[str, Any] = settings.Q_CLUSTER
    if cluster["retry"] <= cluster["timeout"]:
        yield Error(
            "Q_CLUSTER: retry must be longer than timeout.",
            hint="A job that runs longer than retry is handed out a second time while the first still runs.",
            id="polaris.E001",
        )


def _file() -> Iterator[CheckMessage]:
    for name in environment.read_otherwise:
        dollar = f"{name} holds $ in the file of variables: with compose it would be another value."
        yield Warning(dollar, hint=f"Write it between single quotes: {name}='…'.", id="polaris.W012")


def _mail() -> Iterator[CheckMessage]:
    if settings.CF_EMAIL_WORKER_URL and settings.EMAIL_URL:
        both = "CF_EMAIL_WORKER_URL and EMAIL_URL are both set: mail goes to the worker."
        yield Warning(both, hint="Unset the one that is not meant.", id="polaris.W002")
    for line in wrong_addresses():
        yield Warning(line, hint="No mail goes out until it is corrected.", id="polaris.W005")
    for problem in template_problems():
        yield Warning(problem, hint="No welcome mail goes out until it is corrected.", id="polaris.W009")


def _webhook() -> Iterator[CheckMessage]:
    secret = settings.NOTIFY_WEBHOOK_SECRET
    if settings.NOTIFY_WEBHOOK_URL and 0 < len(secret) < SECRET_LENGTH:
        short = f"NOTIFY_WEBHOOK_SECRET is shorter than {SECRET_LENGTH} characters: it could be guessed."
        yield Warning(short, hint=f"Take {SECRET_LENGTH} random characters or more.", id="polaris.W007")
    if secret and not settings.NOTIFY_WEBHOOK_URL:
        unused = "NOTIFY_WEBHOOK_SECRET is set without NOTIFY_WEBHOOK_URL: nothing is told."
        yield Warning(unused, hint="Set the address too, or unset the secret.", id="polaris.W010")
    parts = urlsplit(settings.NOTIFY_WEBHOOK_URL)
    if not settings.DEBUG and parts.scheme == "http" and _is_public(parts.hostname or ""):
        yield Warning("NOTIFY_WEBHOOK_URL is told in clear text: use https.", id="polaris.W006")


def _metrics() -> Iterator[CheckMessage]:
    if 0 < len(settings.METRICS_TOKEN) < SECRET_LENGTH:
        short = f"METRICS_TOKEN is shorter than {SECRET_LENGTH} characters: it could be guessed."
        yield Warning(short, hint=f"Take {SECRET_LENGTH} random characters or more.", id="polaris.W011")


def _clear_text() -> Iterator[CheckMessage]:
    for name in WITH_A_KEY:
        parts = urlsplit(getattr(settings, name))
        if not settings.DEBUG and parts.scheme in {"http", "ws"} and _is_public(parts.hostname or ""):
            yield Warning(f"{name} sends a key in clear text: use {parts.scheme}s.", id="polaris.W003")


def _is_public(host: str) -> bool:
    """Return whether the host is on the internet, as far as its name shows (in a compose network: no dot)."""
    try:
        return ipaddress.ip_address(host).is_global
    except ValueError:
        return "." in host and not host.endswith((".local", ".internal", ".lan", ".localhost"))

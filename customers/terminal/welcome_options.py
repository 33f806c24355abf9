"""The options of `backfill_welcome`, and what they mean."""

from argparse import ArgumentTypeError
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser

from customers.backfill.beside import is_beside_platform, platform_place
from customers.backfill.refused import Refused
from customers.backfill.unasked import remarks
from customers.backfill.welcome import Choice
from customers.backfill.welcome.platform import require_address, require_links
from customers.mail.addresses import read_mailbox
from customers.mail.ready import what_is_missing
from customers.models import WorkerBeat

BATCH_SIZE_MAX = 10_000
DELAY_MS_MAX = 3_600_000
ALL = "all"


@dataclass(frozen=True, slots=True)
class WelcomeOptions:
    run_id: str
    batch_size: int | None  # None: as the campaign has it, or the default of a new one
    delay_ms: int | None
    inline: bool
    status: bool
    preview: Path | None
    write_templates: Path | None
    test_to: str
    languages: Sequence[str]  # of the preview, or of what is sent to oneself
    choice: Choice
    quiet: bool


def add_welcome_options(parser: CommandParser) -> None:
    add = parser.add_argument
    add("--run-id", required=True, metavar="ID", help="whose customers to invite")
    add("--batch-size", type=int, metavar="N", help="mails between two pauses (50)")
    add("--delay-ms", type=int, metavar="MS", help="pause between two batches (2000)")
    add("--resend", action="store_true", help="also to customers whose link is still valid")
    add("--retry-unknown", action="store_true", help="also where a crash left open whether the mail went out")
    add("--retry-failed", action="store_true", help="also where the mail was refused")
    add("--inline", action="store_true", help="send from here instead of by the worker")
    only = parser.add_mutually_exclusive_group()
    only.add_argument("--status", action="store_true", help="only show how the mails stand")
    only.add_argument("--test-to", metavar="ADDRESS", help="only send one to yourself, with a dead link")
    only.add_argument("--preview", type=Path, metavar="FILE.html", help="only write what the mail looks like")
    add("--language", choices=(*settings.MAIL_LANGUAGES, ALL), help="of --test-to and --preview")
    only.add_argument(
        "--write-templates",
        type=_place,
        metavar="DIR",
        help="only write the shipped mails, to begin your own with",
    )


def read_welcome_options(given: Mapping[str, Any]) -> WelcomeOptions:
    """Raise Refused for a value that makes no sense."""
    check_mail_pace(given["batch_size"], given["delay_ms"])
    if given["language"] and not (given["preview"] or given["test_to"]):
        raise Refused(
            "--language goes with --preview or --test-to.",
            "Customers get their mail in their own language: the column locale says which.",
        )
    return WelcomeOptions(
        run_id=given["run_id"],
        batch_size=given["batch_size"],
        delay_ms=given["delay_ms"],
        inline=given["inline"],
        status=given["status"],
        preview=given["preview"],
        write_templates=given["write_templates"],
        test_to=_one_address(given["test_to"]),
        languages=_languages(given["language"]),
        choice=Choice(
            resend=given["resend"], retry_unknown=given["retry_unknown"], retry_failed=given["retry_failed"]
        ),
        quiet=given["verbosity"] == 0,
    )


def beforehand() -> Iterator[str]:
    """Say first which platform's database the links go to; or that it is there, and nobody said so."""
    if name := platform_place():
        yield f"Polaris  {name}"
    yield from remarks()


def require_mail() -> None:
    """Raise Refused unless mail can be sent, as far as our own settings tell."""
    require_address()
    missing = what_is_missing(to_our_pages=not is_beside_platform())
    if missing:
        raise Refused(missing[0])


def require_sender(*, inline: bool) -> None:
    """Raise Refused unless mail can be sent, its links will work, and somebody is there to send it."""
    require_mail()
    if not inline and not WorkerBeat.is_fresh():
        raise Refused(
            "No worker is running, so nothing was queued.",
            "Start one with: python manage.py qcluster, or send from here with --inline.",
        )
    require_links()


def _place(given: str) -> Path:
    """Refuse a blank one, as a variable that is not set makes it: it would be the folder that we are in."""
    if not given.strip():
        raise ArgumentTypeError("it is blank: name a folder")
    return Path(given)


def _languages(given: str | None) -> Sequence[str]:
    if given == ALL:
        return settings.MAIL_LANGUAGES
    return (given or settings.MAIL_LANGUAGE,)


def _one_address(given: str | None) -> str:
    try:
        return read_mailbox(given).address if given is not None else ""
    except ValueError as error:
        raise Refused(f"--test-to {error}.", "The address alone will do, too.") from None


def check_mail_pace(batch_size: int | None, delay_ms: int | None) -> None:
    """Raise Refused for what is no pace of mails; None is as it is."""
    for name, given, least, most in (
        ("--batch-size", batch_size, 1, BATCH_SIZE_MAX),
        ("--delay-ms", delay_ms, 0, DELAY_MS_MAX),
    ):
        if given is not None and not least <= given <= most:
            raise Refused(f"{name} must be a whole number from {least} to {most}.")

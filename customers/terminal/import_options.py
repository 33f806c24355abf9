"""The options of `backfill_customers`, and what they mean."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser

from customers.backfill.checks import read_day
from customers.backfill.engine.acceptance import NO, OPTION, THESE
from customers.backfill.engine.options import Options
from customers.backfill.ledger import identity
from customers.backfill.ledger.pace import Pace, change_pace, check_pace, pace_of
from customers.backfill.refused import Refused
from customers.backfill.source import HIDDEN_ROWS, FileMapping, Source, read_mapping
from customers.models import BackfillRun
from customers.terminal.settling import add_no_wait
from kernel.days import is_date_format
from kernel.pace import MOST_AT_ONCE


@dataclass(frozen=True, slots=True)
class ImportOptions:
    input: Path
    dry_run: bool
    errors: Path | None
    encoding: str | None
    delimiter: str | None
    hidden_rows: str | None
    mapping: FileMapping | None
    show_values: bool
    pace: Pace  # as it was said here
    verbosity: int
    no_wait: bool
    workers: bool  # do it, and not this process
    save_plan: Path | None
    plan: Path | None
    force: bool
    reclaim: str | None  # the id of a run; blank for the only one that there is
    options: Options


def add_import_options(parser: CommandParser) -> None:
    add = parser.add_argument
    add("--input", required=True, type=Path, metavar="FILE", help="csv, tsv, xlsx, ods or json")
    add("--dry-run", action="store_true", help="say what would happen; write nothing anywhere")
    add(
        "--skip-existing",
        action="store_true",
        help="skip what is imported, adopt what agrees, complete the rest",
    )
    add("--allow-partial", action="store_true", help="import the good rows although others would fail")
    add(
        "--errors",
        type=Path,
        metavar="FILE",
        help="write the rows that need attention, to correct and import again",
    )
    add(
        OPTION,
        nargs="?",
        const=THESE,
        default=NO,
        metavar="YYYY-MM-DD",
        help="accept what Lago would invoice today for days that are over; with a day, only on that day",
    )
    add("--batch-size", type=int, metavar="N", help="rows per transaction")
    add("--concurrency", type=int, metavar="N", help="parallel calls to Lago")
    add("--rate", type=float, metavar="N", help="calls to Lago per second; 0: no limit")
    add("--max-failures", type=int, default=10, metavar="N", help="stop after so many failed rows in a row")
    add("--mapping", type=Path, metavar="FILE", help="what the columns mean; backfill_mapping makes one")
    add("--encoding", metavar="NAME", help="of a text file that is neither UTF-8 nor UTF-16, such as cp1252")
    add("--delimiter", metavar="CHAR", help="of a text file: , ; or tab")
    add("--hidden-rows", choices=HIDDEN_ROWS, help="what to do with rows that nobody sees in a workbook")
    add(
        "--show-values",
        action="store_true",
        help="show the first rows as they were read, names and cards too",
    )
    add("--date-format", metavar="FORMAT", help="of start_date, such as %%d.%%m.%%Y; without it YYYY-MM-DD")
    add("--decimal-mark", choices=[".", ","], help="of amounts in a text file; without it a point")
    add(
        "--billing-time",
        choices=["calendar", "anniversary"],
        default="calendar",
        help="what Lago's periods follow",
    )
    add("--billed-until", metavar="YYYY-MM-DD", help="the last day that the old provider has billed")
    add(
        "--start-after-billed",
        action="store_true",
        help="start subscriptions on the day after that, where the file says an earlier one",
    )
    add(
        "--allow-second-currency",
        action="store_true",
        help="of a customer billed in another currency than the plan, where Lago takes both",
    )
    add(
        "--first",
        type=int,
        metavar="N",
        help="import the first N customers with all their cards, and leave the others waiting",
    )
    add(
        "--save-plan", type=Path, metavar="FILE", help="with --dry-run: write what would be done, to agree to"
    )
    add("--force", action="store_true", help="write over a plan that was saved there")
    add("--plan", type=Path, metavar="FILE", help="import only if the plan is still the one that was saved")
    add_no_wait(parser)
    add("--workers", action="store_true", help="plan here, and have the workers do it together")
    add(
        "--reclaim",
        nargs="?",
        const="",
        metavar="RUN_ID",
        help="after a restored backup: take what the run's log names into the ledger again",
    )
    add("--new-run", action="store_true", help="start a new run instead of continuing an unfinished one")


def read_import_options(given: Mapping[str, Any]) -> ImportOptions:
    """Fill in the defaults of the environment; raise Refused for a value that makes no sense."""
    mapping = read_mapping(given["mapping"]) if given["mapping"] else None
    options = Options.through(
        mapping,
        skip_existing=given["skip_existing"],
        allow_partial=given["allow_partial"],
        batch_size=_within("--batch-size", given["batch_size"], settings.BACKFILL_BATCH_SIZE, 1, 1000),
        concurrency=_within(
            "--concurrency", given["concurrency"], settings.BACKFILL_CONCURRENCY, 1, MOST_AT_ONCE
        ),
        date_format=known_date_format(given["date_format"]),
        decimal_mark=given["decimal_mark"],
        billing_time=given["billing_time"],
        max_failures=_within("--max-failures", given["max_failures"], 10, 1, 1_000_000),
        new_run=given["new_run"],
        first=_first(given["first"]),
        allow_second_currency=given["allow_second_currency"],
        accept_invoices_today=_acceptance(given["accept_invoices_today"]),
        billed_until=_billed_until(given["billed_until"]),
        start_after_billed=given["start_after_billed"],
    )
    if given["save_plan"] and not given["dry_run"]:
        raise Refused("--save-plan needs --dry-run.", "Save the plan first, and import with --plan.")
    if given["workers"] and given["dry_run"]:
        raise Refused("--workers and --dry-run exclude each other: a dry-run is made here.")
    if given["reclaim"] is not None and given["new_run"]:
        raise Refused("--reclaim goes on with a run, and --new-run starts another one: choose one of them.")
    pace = Pace(given["rate"], given["concurrency"])
    check_pace(pace)
    return ImportOptions(
        input=given["input"],
        dry_run=given["dry_run"],
        errors=given["errors"],
        encoding=given["encoding"],
        delimiter={"tab": "\t", "\\t": "\t"}.get(given["delimiter"], given["delimiter"]),
        hidden_rows=given["hidden_rows"],
        mapping=mapping,
        show_values=given["show_values"],
        pace=pace,
        verbosity=given["verbosity"],
        no_wait=given["no_wait"],
        workers=given["workers"],
        save_plan=given["save_plan"],
        plan=given["plan"],
        force=given["force"],
        reclaim=given["reclaim"],
        options=options,
    )


def pace_to_begin_with(chosen: ImportOptions, source: Source, run: BackfillRun | None, *, actor: str) -> Pace:
    """Return the pace from the look-ups on. What was chosen for the unfinished run over the file holds.

    Said anew with the command it is another choice for that run; one that goes on after a pause (`run`) keeps
    what was chosen while it was at work.
    """
    usual = Pace(None, chosen.options.concurrency)
    found = None if chosen.options.new_run else identity.unfinished(source.info.sha256)
    if run is not None:
        return pace_of(run).over(chosen.pace).over(usual)
    is_choice = found is not None and found.pace and chosen.pace.is_chosen and not chosen.dry_run
    if found and is_choice and found.status not in (found.Status.RUNNING, found.Status.QUEUED):
        return change_pace(found, chosen.pace, actor=actor).over(usual)
    return chosen.pace.over(pace_of(found)).over(usual)


def _within(name: str, given: int | None, default: int, least: int, most: int) -> int:
    value = default if given is None else given
    if not least <= value <= most:
        raise Refused(f"{name} must be a whole number from {least} to {most}.")
    return value


def _first(given: int | None) -> int | None:
    if given is not None and given < 1:
        raise Refused("--first must be a whole number from 1: so many customers are imported first.")
    return given


def _acceptance(given: str) -> str:
    if given not in (NO, THESE):
        try:
            return date.fromisoformat(given).isoformat()
        except ValueError:
            raise Refused(f"{OPTION} takes a day as 2027-03-01, or nothing.") from None
    return given


def _billed_until(given: str | None) -> str | None:
    if given is None:
        return None
    read = read_day(given, None, None)
    if read is None:
        raise Refused("--billed-until takes a day as 2027-02-28.")
    return read.day.isoformat()


def known_date_format(given: str | None) -> str | None:
    """Return the format, if it is one; raise Refused."""
    if given is not None and not is_date_format(given):
        raise Refused("--date-format must name year, month and day, such as %d.%m.%Y.")
    return given

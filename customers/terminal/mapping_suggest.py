"""`backfill_mapping suggest`: its options, what it reads and asks, and what it writes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import CommandParser

from customers.backfill.mappings.table import Table
from customers.backfill.mappings.writing import shown
from customers.backfill.refused import Refused
from customers.backfill.source import COLUMNS, HIDDEN_ROWS, MAX_BYTES
from customers.backfill.source.mapping.model import Form
from customers.backfill.source.model import unreadable
from customers.backfill.systems import lago_client
from kernel import RemoteError
from kernel.days import is_date_format

TIMEOUT_S = 15.0  # somebody waits
ABOUT = (
    "A mapping for backfill_customers --mapping, proposed by backfill_mapping suggest.",
    'Put what is meant in place of each question mark ("?"); until then nothing is read through it.',
    "docs/mapping.md tells what each key means.",
)


@dataclass(frozen=True, slots=True)
class Plans:
    """The codes of Lago's plans; `why_not`: why it could not be asked."""

    codes: tuple[str, ...] = ()
    why_not: str = ""


def add_suggest_options(parser: CommandParser) -> None:
    add = parser.add_argument
    add("action", choices=["suggest"], metavar="suggest", help="propose a mapping for a file")
    add("--input", required=True, type=Path, metavar="FILE", help="csv, tsv, xlsx, ods or json")
    add("--output", type=Path, metavar="FILE.toml", help="write it there; without it to standard output")
    add("--force", action="store_true", help="write over a file that is there")
    add("--encoding", metavar="NAME", help="of a text file that is neither UTF-8 nor UTF-16, such as cp1252")
    add("--delimiter", metavar="CHAR", help="of a text file: , ; | or tab")
    add("--sheet", metavar="NAME", help="of a workbook; without it the first visible one that has a table")
    add("--header-line", type=int, metavar="N", help="on which the names of the columns are")
    add("--list", metavar="NAME", help="under which a JSON document has its list")
    add("--hidden-rows", choices=HIDDEN_ROWS, help="what to do with rows that nobody sees in a workbook")
    add("--date-format", metavar="FORMAT", help="of start_date, such as %%d.%%m.%%Y")
    add(
        "--column",
        action="append",
        default=[],
        metavar="FIELD=NAME",
        help="what is decided already, such as external_id=Kundennummer; repeatable",
    )


def read_form(given: Mapping[str, Any]) -> Form:
    """Take what is known of the file; raise Refused for a value that makes no sense."""
    told = {name: given[name] for name in Form.__slots__ if given.get(name) is not None}
    if told.get("header_line", 1) < 1:
        raise Refused("--header-line must be a whole number from 1.")
    if "date_format" in told and not is_date_format(told["date_format"]):
        raise Refused("--date-format must name year, month and day, such as %d.%m.%Y.")
    if told.get("delimiter", "").casefold() in ("tab", "\\t"):
        told["delimiter"] = "\t"
    return Form(**told)


def read_columns(given: Sequence[str], table: Table) -> dict[str, str]:
    """Take the columns that are said; raise Refused for a field or a column that is not there."""
    said = dict(one.partition("=")[::2] for one in given)
    for field, name in said.items():
        if field not in COLUMNS:
            raise Refused(f"--column: there is no field {field!r}.", f"There are {', '.join(COLUMNS)}.")
        if not name or table.named(name) is None:
            raise Refused(f"--column: there is no column {shown(name)} for {field}.")
    return said


def read_file(path: Path) -> bytes:
    """Read the whole file, which is held in memory here whatever its format; raise SourceError."""
    if path.is_dir():
        raise unreadable(path.name, "this is a folder, not a file.")
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise unreadable(path.name, "there is no such file.", "Check the path.") from None
    except OSError as error:
        raise unreadable(path.name, f"the file cannot be read ({error.strerror}).") from None
    if len(data) > MAX_BYTES:
        told = f"the file is larger than {MAX_BYTES // 1_000_000} MB, which is too much to suggest a mapping."
        raise unreadable(
            path.name, told, "Have one suggested for its first rows; it fits the whole file too."
        )
    return data


def ask_for_plans() -> Plans:
    """Read the codes of Lago's plans, if it can be asked."""
    try:
        with lago_client(timeout_s=TIMEOUT_S, tries=1) as client:
            return Plans(tuple(sorted(client.plans())))
    except (ImproperlyConfigured, RemoteError) as error:
        return Plans(why_not=str(error))


def check_output(path: Path | None, source: Path, *, force: bool) -> None:
    """Find out beforehand whether the mapping can be written; raise Refused."""
    if path is None:
        return
    if path.is_dir() or not path.parent.is_dir():
        raise Refused(f"{path.name}: nothing can be written there.", "Name a file in a folder that is there.")
    if path.exists() and source.exists() and path.samefile(source):
        raise Refused(f"{path.name}: this is the input file.", "Choose another name.")
    if path.exists() and not force:
        raise Refused(
            f"{path.name} is there already, and may hold work.", "Choose another name, or say --force."
        )


def write_output(path: Path, text: str, *, force: bool) -> None:
    """Write the mapping; raise Refused. What appeared meanwhile is left alone."""
    try:
        with path.open("w" if force else "x", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
    except OSError as error:
        raise Refused(f"{path.name}: the mapping cannot be written ({error.strerror}).") from error

"""What came of the platform's sync after a run or a revert, at a terminal."""

from django.core.management.base import CommandParser
from rich.console import Console

from customers.backfill.settling_in import SettlingIn


def add_no_wait(parser: CommandParser) -> None:
    parser.add_argument(
        "--no-wait", action="store_true", help="beside the platform: do not wait for its sync at the end"
    )


def print_settling(console: Console, settling: SettlingIn) -> None:
    """Say how the sync went, and each thing that is not as it should be."""
    if settling.sentence:
        console.print(settling.sentence)
    for remark in settling.remarks:
        console.print(f"{remark.sentence} {remark.remedy}", style="yellow", soft_wrap=True)

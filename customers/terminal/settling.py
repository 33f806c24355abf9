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
    if settling.are_cards_in_order:
        console.print("The platform has synced since, and all cards are as they should be.")
    if settling.synced == "notified":
        console.print("The platform was told to sync; nobody waited for it.")
    for remark in settling.remarks:
        named = f" ({', '.join(remark.examples)}{', …' if remark.number > len(remark.examples) else ''})"
        shown = named if remark.examples else ""
        console.print(f"{remark.message.rstrip('.')}{shown}. {remark.remedy}", style="yellow", soft_wrap=True)

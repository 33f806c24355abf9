"""Refused cards at a terminal: idTags masked unless they are asked for."""

import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser
from rich.console import Console

from customers.backfill.cards import Board, Candidate, Corrected, Met, Misspelt, RefusedCard
from customers.backfill.refused import Refused
from customers.models import BackfillRun
from customers.terminal.output import plain_table
from kernel.masking import mask_id_tag
from kernel.wording import counted

AGAIN = "Run the same command once more."
SHOWN = 200  # cards of a table; --format json has them all
Pick = tuple[int, int]
Show = Callable[[str], str]


def add_cards_options(parser: CommandParser) -> None:
    add = parser.add_argument
    add("--run-id", required=True, metavar="ID")
    add(
        "--pick",
        action="append",
        default=[],
        metavar="NUMBER=EXTERNAL_ID",
        help="the refused card of this number in SteVe is that customer's; repeatable",
    )
    add("--output", type=Path, metavar="FILE.csv", help="write the picked cards as a file to be imported")
    add(
        "--stop-wrong",
        action="append",
        default=[],
        metavar="EXTERNAL_ID",
        help="switch off this customer's spelling whose true one was imported since; repeatable",
    )
    add("--dry-run", action="store_true", help="only say what would be written or switched off")
    add("--show-values", action="store_true", help="show idTags whole")


def showing(*, whole: bool) -> Show:
    return (lambda id_tag: id_tag) if whole else mask_id_tag


def read_picks(given: Sequence[str], board: Board) -> list[Pick]:
    """Take the picks as numbers; raise Refused for what makes no sense."""
    found = []
    cards = {card.ocpp_tag_pk: card for card in board.refused}
    for one in given:
        number, _, external_id = one.partition("=")
        card = cards.get(int(number)) if number.isascii() and number.isdecimal() else None
        owner = _owner(card, external_id) if card else None
        if card is None or owner is None:
            raise Refused(
                f"--pick {number}: no refused card of this number looks like a card of that customer.",
                "The numbers are in the list, beside the customers whose cards look alike.",
            )
        found.append((card.ocpp_tag_pk, owner.mapping_pk))
    return found


def _owner(card: RefusedCard, external_id: str) -> Candidate | None:
    return next((one for one in card.alike if one.of_run and one.external_id == external_id), None)


def check_options(picks: Sequence[str], output: Path | None) -> None:
    """Raise Refused for options that belong together, or a file that cannot be made."""
    if picks and output is None:
        raise Refused("--pick needs --output.", "Name the file to be imported, such as --output cards.csv.")
    if output is None:
        return
    if not picks:
        raise Refused("--output needs --pick.", "Say whose each card is: nothing is chosen for you.")
    if output.exists():
        raise Refused(f"{output.name} is there already.", "Choose another name.")
    if output.suffix.casefold() != ".csv" or not output.parent.is_dir():
        raise Refused(f"{output.name}: name a .csv file in a folder that is there.")


def write_file(path: Path, content: bytes) -> None:
    """Write a file that holds people's data, for its owner's eyes; raise Refused."""
    try:
        path.touch(mode=0o600, exist_ok=False)
        path.write_bytes(content)
    except OSError as error:
        raise Refused(f"{path.name}: it cannot be written ({error.strerror}).") from error


def import_line(run: BackfillRun, path: Path) -> str:
    """Write the command that previews the file; without --dry-run it imports."""
    line = ["python", "manage.py", "backfill_customers", "--input", str(path), "--skip-existing"]
    billing_time = run.options.get("billing_time", "calendar")
    line += ["--billing-time", billing_time] if billing_time != "calendar" else []
    return shlex.join([*line, "--dry-run"])


def to_stop(external_ids: Sequence[str], since: Sequence[Corrected]) -> list[Corrected]:
    """Return the wrong spellings of these customers, each once; raise Refused for one who has none."""
    found: dict[int, Corrected] = {}
    for external_id in external_ids:
        wrong = {one.wrong.pk: one for one in since if one.wrong.user.external_id == external_id}
        if not wrong:
            raise Refused(
                f"--stop-wrong {external_id}: no card of that customer has a corrected spelling that bills.",
                "Import the true spelling first, and look again.",
            )
        found |= wrong
    return list(found.values())


def agreed(say: Callable[[str], None], wrong: Sequence[Corrected], show: Show) -> bool:
    """Ask a person who can answer, and name what is meant."""
    if not sys.stdin.isatty():
        return True
    for one in wrong:
        say(
            f"  {one.wrong.user.external_id}: {show(one.wrong.id_tag)}, which is {show(one.true.id_tag)}"
            f" in the run {one.run_id}"
        )
    say(f"Type yes to switch off {counted(len(wrong), 'card')}:")
    return sys.stdin.readline().strip().lower() == "yes"


# --- the board ---------------------------------------------------------------------------------------


def print_board(console: Console, board: Board, corrected: Sequence[Corrected], show: Show) -> None:
    _print_refused(console, board, show)
    _print_misspelt(console, board.misspelt, show)
    if corrected:
        console.print("\nCorrected since:", style="bold")
        for one in corrected:
            state = "still on" if one.wrong.is_active else "off"
            console.print(
                f"  {one.wrong.user.external_id}: {show(one.wrong.id_tag)} ({state}) is"
                f" {show(one.true.id_tag)} in the run {one.run_id}",
                soft_wrap=True,
            )
    console.print("\nWhat cannot be seen here:", style="bold")
    for sentence in board.not_shown:
        console.print(f"  {sentence}", soft_wrap=True)


def _print_refused(console: Console, board: Board, show: Show) -> None:
    alike, unlike = board.with_owner, board.unlike
    if not board.refused:
        console.print("SteVe has refused no card that nobody owns.", style="green")
        return
    if alike:
        table = plain_table(
            "number:", "refused", "tried:", "last", "where", "may be", "of", "how sure", "why"
        )
        for card in alike[:SHOWN]:
            for one in (one for one in card.alike if one.of_run):
                table.add_row(
                    str(card.ocpp_tag_pk), show(card.id_tag), *_cells(card.met), show(one.id_tag),
                    one.external_id, str(one.likeness.sureness), one.likeness.kind.words,
                )  # fmt: skip
        console.print(table)
        _more(console, alike)
        console.print(
            "Each is a guess by the digits alone: a look-alike may be a stranger's.", style="yellow"
        )
        for card in alike[:SHOWN]:
            if not card.can_be_imported:
                console.print(
                    f"Number {card.ocpp_tag_pk} cannot be imported as it is: have the charger send it without"
                    " separators.",
                    soft_wrap=True,
                )
    if unlike:
        console.print(f"\n{counted(len(unlike), 'refused card')} like none of this run:", style="bold")
        table = plain_table("number:", "refused", "tried:", "last", "where")
        for card in unlike[:SHOWN]:
            table.add_row(str(card.ocpp_tag_pk), show(card.id_tag), *_cells(card.met))
        console.print(table)
        _more(console, unlike)


def _more(console: Console, cards: Sequence[RefusedCard]) -> None:
    if len(cards) > SHOWN:
        console.print(f"… and {len(cards) - SHOWN:,} more (--format json gives them all)")


def _cells(met: Met | None) -> tuple[str, str, str]:
    if met is None:
        return "0", "—", "—"
    return f"{met.number:,}", f"{met.last_at:%Y-%m-%d %H:%M}", ", ".join(met.charge_boxes[:3])


def _print_misspelt(console: Console, found: Sequence[Misspelt], show: Show) -> None:
    if not found:
        return
    console.print("\nAccepted in another spelling, and billed by nobody:", style="bold")
    table = plain_table("customer", "our spelling", "the charger's", "sessions:", "last", "where", "kWh:")
    for one in found[:SHOWN]:
        # Masked, two spellings may look the same: what differs is in capitals, accents or a blank.
        table.add_row(
            one.external_id, show(one.id_tag), show(one.spelling), *_cells(one.met), f"{one.energy_kwh:.1f}"
        )
    console.print(table)
    console.print(
        "SteVe takes both for one card, so the other cannot be a further one: have the charger send our"
        " spelling, and bill these sessions by hand.",
        style="yellow",
        soft_wrap=True,
    )


def board_json(board: Board, corrected: Sequence[Corrected], show: Show) -> dict[str, Any]:
    return {
        "run_id": board.run.run_id,
        "refused": [_card_json(card, show) for card in board.refused],
        "misspelt": [
            {"external_id": one.external_id, "id_tag": show(one.id_tag), "spelling": show(one.spelling)}
            | {"energy_kwh": one.energy_kwh}
            | _met_json(one.met)
            for one in board.misspelt
        ],
        "corrected": [
            {"external_id": one.wrong.user.external_id, "wrong": show(one.wrong.id_tag)}
            | {"true": show(one.true.id_tag), "run_id": one.run_id, "is_off": not one.wrong.is_active}
            for one in corrected
        ],
        "not_shown": list(board.not_shown),
    }


def _card_json(card: RefusedCard, show: Show) -> dict[str, Any]:
    return {
        "number": card.ocpp_tag_pk,
        "id_tag": show(card.id_tag),
        "made_by_steve": card.made_by_steve,
        "can_be_imported": card.can_be_imported,
        **_met_json(card.met),
        "alike": [
            {"external_id": one.external_id, "id_tag": show(one.id_tag), "of_run": one.of_run}
            | {"kind": one.likeness.kind, "sureness": one.likeness.sureness}
            for one in card.alike
        ],
    }


def _met_json(met: Met | None) -> dict[str, Any]:
    if met is None:
        return {"tried": 0, "last_at": None, "charge_boxes": []}
    return {"tried": met.number, "last_at": met.last_at.isoformat(), "charge_boxes": list(met.charge_boxes)}

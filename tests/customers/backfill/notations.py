"""Cards as other systems write them, and as a file has them."""

from collections.abc import Sequence

from customers.backfill.engine.report import Report
from tests.customers.factories import Row, row, told

# What is there, by the card of the file.
WRITTEN = {
    "04A1B2C6": "04:A1:B2:C6",
    "05A1B2C6": "05-a1-b2-c6",
    "06A1B2C6": "RFID_06A1B2C6",
    "07A1B2C6": "0x07A1B2C6",
    "08A1B2C6": str(0x08A1B2C6),
    "09A1B2C6": f"{0x09A1B2C6:010}",
    "0BA1B2C6": "C6B2A10B",
    "0CA1B2C6": "CA1B2C6",
    "04A1B2C3D4E582": "82E5D4C3B2A104",
}
ANOTHER = "1FA1B2C6"


def file_of_cards() -> Sequence[Row]:
    """One row for each of them, and a last one whose card is nowhere."""
    return [row(number, id_tag=card) for number, card in enumerate((*WRITTEN, ANOTHER), start=1)]


def likenesses(report: Report) -> dict[int, str]:
    """What is said of cards that may be ones of another notation, by line."""
    return {
        line: one["message"]
        for line, of_row in told(report).items()
        for one in of_row["warnings"]
        if one["code"] == "id_tag_notation"
    }

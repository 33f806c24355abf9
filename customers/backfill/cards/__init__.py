"""Cards that SteVe refused, beside cards of a run that look alike; and what puts them right."""

from customers.backfill.cards.board import Board, Candidate, Met, Misspelt, RefusedCard, count_alike, look
from customers.backfill.cards.correcting import NAME, Correction, as_file, chosen, note_written, preview
from customers.backfill.cards.stopping import Corrected, corrected, stop_wrong

__all__ = [
    "NAME",
    "Board",
    "Candidate",
    "Corrected",
    "Correction",
    "Met",
    "Misspelt",
    "RefusedCard",
    "as_file",
    "chosen",
    "corrected",
    "count_alike",
    "look",
    "note_written",
    "preview",
    "stop_wrong",
]

"""What is taken into the ledger again after a restored backup, at a terminal."""

from collections.abc import Callable

from customers.backfill.ledger.reclaim import Reclaim


def tell_reclaim(say: Callable[[str], None], reclaim: Reclaim | None) -> None:
    for sentence in reclaim.sentences() if reclaim else ["The ledger knows all that the logs name."]:
        say(sentence)

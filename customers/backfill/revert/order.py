"""In which order rows are taken back: a few numbers for each, as a run may have a million."""

from array import array
from collections import defaultdict
from collections.abc import Collection, Iterator


class Order:
    """Rows as they come in the file, and backwards as they go."""

    def __init__(self, several: Collection[str]) -> None:
        """Take the customers who have several rows: only theirs are not simply in reverse."""
        self._several = several
        self._pks = array("q")
        self._shares = bytearray()  # whether the row has what a customer's cards share
        self._whose: dict[int, str] = {}  # by place, of those with several rows
        self._first: dict[str, int] = {}  # their first places

    def __len__(self) -> int:
        return len(self._pks)

    def add(self, pk: int, external_id: str, *, shares: bool) -> None:
        if external_id in self._several:
            self._whose[len(self._pks)] = external_id
            self._first.setdefault(external_id, len(self._pks))
        self._pks.append(pk)
        self._shares.append(shares)

    def customers_in_reverse(self) -> Iterator[list[int]]:
        """Give the keys of each customer's rows together, the last customer first; in a list as in reverse.

        A customer comes where the last of the rows does.
        """
        of_several: dict[str, list[int]] = defaultdict(list)
        for place in sorted(self._whose, reverse=True):
            of_several[self._whose[place]].append(place)
        for place in range(len(self._pks) - 1, -1, -1):
            whose = self._whose.get(place)
            if whose is None:
                yield [self._pks[place]]
            elif whose in of_several:
                cards_first = sorted(of_several.pop(whose), key=lambda one: (self._shares[one], -one))
                yield [self._pks[one] for one in cards_first]

    def in_reverse(self) -> Iterator[int]:
        """Give the keys of the rows, the last first; what cards share comes after all of its cards.

        So a batch never ends what pays for a card that is stopped only in a later one.
        """
        waiting: dict[str, list[int]] = defaultdict(list)
        for place in range(len(self._pks) - 1, -1, -1):
            whose = self._whose.get(place)
            if whose is None or not self._shares[place]:
                yield self._pks[place]
            else:
                waiting[whose].append(self._pks[place])
            if whose is not None and self._first[whose] == place:
                yield from waiting.pop(whose, ())

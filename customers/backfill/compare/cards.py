"""The cards of a file against those that are here, in whichever way each is written. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Self

from customers.backfill.compare.reading import key_of
from customers.backfill.compare.values import Card, Difference, Filed, FileRead, Imported, Kind, Remark
from kernel.notation import padded, readings

OFF = "it is switched off here already"
LEFT_TOO = "who left: it is free once that customer is reverted"
ALIKE = "perhaps the same card, in decimal digits or with its bytes turned round: look before you change it"


@dataclass(slots=True)
class Holders:
    """Who has a card, by its digits in whichever notation."""

    by_digits: dict[str, tuple[str, Card]] = field(default_factory=dict)

    @classmethod
    def of(cls, imported: Iterable[Imported]) -> Self:
        found = cls()
        for one in imported:
            for card in one.cards:
                found.by_digits[padded(card.id_tag)] = one.external_id, card
        return found

    def of_card(self, id_tag: str) -> tuple[str, Card] | None:
        return self.by_digits.get(padded(id_tag))


def moved(
    filed: Filed, external_id: str, holders: Holders, there: Mapping[str, Filed]
) -> Iterator[Difference]:
    """Tell of each card of a customer of the file that somebody else has here.

    One that the file gives to both is a problem of the file, and has not moved.
    """
    for id_tag, line in filed.cards.items():
        holder = holders.of_card(id_tag)
        if holder is None or holder[0] == external_id:
            continue
        other, card = holder
        theirs = there.get(key_of(other))
        if theirs and padded(id_tag) in {padded(one) for one in theirs.cards}:
            continue
        notes = [] if theirs else [LEFT_TOO]
        notes += [OFF] if not card.is_active else []
        yield Difference(Kind.CARD_MOVED, external_id, (line,), card.id_tag, id_tag, other, "; ".join(notes))


def card_differences(
    one: Imported, filed: Filed, holders: Holders, read: FileRead
) -> tuple[list[Difference], list[Remark]]:
    """Compare the cards of a customer who is on both sides."""
    found = list(moved(filed, one.external_id, holders, read.customers))
    mine = {padded(card.id_tag): card for card in one.cards}
    theirs = {padded(id_tag): id_tag for id_tag in filed.cards}
    added = [id_tag for id_tag in filed.cards if holders.of_card(id_tag) is None]
    gone = [] if filed.lacks_card else list(_gone(mine, theirs, one, read))
    found += _changed(one.external_id, filed, added, gone)
    remarks = []
    for digits, id_tag in theirs.items():
        if digits not in mine:
            continue
        card, line = mine[digits], filed.cards[id_tag]
        if not card.is_active:
            found.append(Difference(Kind.CARD_OFF, one.external_id, (line,), card.id_tag, id_tag))
        if card.id_tag.lower() != id_tag.lower():
            text = "The file writes a card in another notation; it is the same card."
            remarks.append(Remark(one.external_id, line, text, card.id_tag, id_tag, is_card=True))
    return found, remarks


def _gone(
    mine: Mapping[str, Card], theirs: Mapping[str, str], one: Imported, read: FileRead
) -> Iterator[str]:
    """Return the cards that the file gives to nobody; one that is off already is as it should be."""
    for digits, card in mine.items():
        is_there = digits in theirs or digits in read.digits or card.id_tag.casefold() in read.lost
        if card.is_active and not is_there:
            yield card.id_tag


def _changed(who: str, filed: Filed, added: list[str], gone: list[str]) -> Iterator[Difference]:
    """Take one card that came and one that went for a replacement."""
    if len(added) == len(gone) == 1:
        note = ALIKE if padded(added[0]) in readings(gone[0]) else ""
        lines = (filed.cards[added[0]],)
        yield Difference(Kind.CARD_REPLACED, who, lines, gone[0], added[0], note=note)
        return
    for id_tag in added:
        yield Difference(Kind.CARD_ADDED, who, (filed.cards[id_tag],), now=id_tag)
    for id_tag in gone:
        yield Difference(Kind.CARD_GONE, who, filed.lines, was=id_tag)

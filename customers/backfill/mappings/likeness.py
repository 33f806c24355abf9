"""How like two names are: an old tariff and the codes of plans."""

from collections.abc import Sequence
from difflib import SequenceMatcher

from customers.backfill.mappings.words import squeezed

SHOWN = 3
LEAST = 0.5
_GENERAL = ("tarif", "tariff", "plan", "abo", "abonnement", "tarief", "tarifa", "tariffa")


def plans_like(tariff: str, plan_codes: Sequence[str]) -> tuple[tuple[str, float], ...]:
    """Return the plan codes that a tariff is most like, with how much, from 0 to 1."""
    found = [(code, likeness(tariff, code)) for code in plan_codes]
    likely = sorted((one for one in found if one[1] >= LEAST), key=lambda one: (-one[1], one[0]))
    return tuple(likely[:SHOWN])


def likeness(tariff: str, code: str) -> float:
    """Compare what tells them from others: whole, or a word of the one with the other."""
    own, other = _telling(tariff), _telling(code)
    if not own or not other:
        return 0.0
    whole = _ratio("".join(own), "".join(other))
    word = max(_ratio(one, two) for one in own for two in other)
    return round(max(whole, 0.9 * word), 2)


def _telling(name: str) -> list[str]:
    cut = "".join(char if char.isalnum() else " " for char in name[:100])
    words = [squeezed(word) for word in cut.split()]
    return [word for word in words if word not in _GENERAL] or words


def _ratio(one: str, two: str) -> float:
    return SequenceMatcher(None, one, two, autojunk=False).ratio()

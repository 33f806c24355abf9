"""Cards that are there, by the forms in which another system may write them; and the words of a likeness."""

from dataclasses import dataclass, field

from kernel.masking import mask_id_tag
from kernel.notation import bare, padded, readings
from kernel.values import Problem

_HINT = "If it is one card, write it as the charger reports it, and as it is there."


@dataclass(slots=True)
class Alike:
    """Cards of one place. Each says of itself where it is, in words that may be shown."""

    by_bare: dict[str, list[tuple[str, str]]] = field(default_factory=dict)

    def add(self, id_tag: str, where: str) -> None:
        self.by_bare.setdefault(bare(id_tag), []).append((id_tag, where))

    def warnings(self, id_tag: str) -> tuple[Problem, ...]:
        """Name the cards that may be this one, in another notation; one in the same spelling is no other."""
        if not self.by_bare or not id_tag:
            return ()
        found = [
            (other, where)
            for form in (bare(id_tag), *sorted(readings(id_tag)))
            for other, where in self.by_bare.get(form, ())
            if other.lower() != id_tag.lower()
        ]
        return tuple(_alike(id_tag, other, where) for other, where in found[:1])


def _alike(id_tag: str, other: str, where: str) -> Problem:
    is_one = padded(id_tag) == padded(other)
    word = "is the same card as" if is_one else "may be the same card as"
    told = f"The idTag “{mask_id_tag(id_tag)}” {word} “{mask_id_tag(other)}” {where}, in another notation."
    return Problem("id_tag_notation", "id_tag", told, _HINT)

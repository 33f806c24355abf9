"""What a look at all idTags of a SteVe found."""

from collections import defaultdict
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field

from charging.values import OcppTag, Transaction, folded
from kernel.alike import Alike

LONG_AGO = float("-inf")
Sessions = Mapping[int, Sequence[Transaction]]  # by SteVe's number of the idTag


@dataclass(frozen=True, slots=True)
class Tags:
    """All idTags at one moment, by number and by what SteVe compares.

    `children` are the numbers of those below an idTag. `misspelt` counts the sessions in another spelling
    than our own, where somebody looked for them. `own_parents` are those that the platform made of a
    customer, as `folded`, by external_id.
    """

    by_pk: Mapping[int, OcppTag] = field(default_factory=dict)
    by_id_tag: Mapping[str, OcppTag] = field(default_factory=dict)
    children: Mapping[str, Set[int]] = field(default_factory=dict)
    read_at: float = 0.0
    misspelt: Mapping[int, int] = field(default_factory=dict)
    own_parents: Mapping[str, Set[str]] = field(default_factory=dict)
    alike: Alike = field(default_factory=Alike)

    def named(self, id_tag: str) -> OcppTag | None:
        return self.by_id_tag.get(folded(id_tag))

    def numbered(self, ref: str) -> OcppTag | None:
        return self.by_pk.get(int(ref)) if ref else None

    def is_under_own(self, tag: OcppTag, external_id: str) -> bool:
        """Return whether it stands under what the platform made of its own customer."""
        return folded(tag.parent_id_tag or "") in self.own_parents.get(external_id, ())

    def is_under_another(self, tag: OcppTag, external_id: str) -> bool:
        """Return whether it stands under a customer of the platform, and not under its own."""
        return tag.is_under_platform_customer and not self.is_under_own(tag, external_id)

    def below(self, tag: OcppTag) -> Set[int]:
        """Return the numbers of those that stand under it."""
        return self.children.get(folded(tag.id_tag), frozenset())


def sorted_out(tags: Sequence[OcppTag], read_at: float) -> Tags:
    """Sort what the client read."""
    return Tags(
        by_pk={tag.ocpp_tag_pk: tag for tag in tags},
        by_id_tag={folded(tag.id_tag): tag for tag in tags},
        children=_children(tags),
        read_at=read_at,
        alike=_alike(tags),
    )


def _alike(tags: Sequence[OcppTag]) -> Alike:
    found = Alike()
    for tag in tags:
        found.add(tag.id_tag, f"in SteVe (number {tag.ocpp_tag_pk})")
    return found


def _children(tags: Sequence[OcppTag]) -> Mapping[str, Set[int]]:
    """Gather what stands under each; one that is its own parent, which SteVe allows, is no other's child."""
    found: dict[str, set[int]] = defaultdict(set)
    for tag in tags:
        parent = folded(tag.parent_id_tag or "")
        if parent and parent != folded(tag.id_tag):
            found[parent].add(tag.ocpp_tag_pk)
    return dict(found)


@dataclass(frozen=True, slots=True)
class Closer:
    """What a removal needs to know of a batch: the idTags, and the sessions of those of the batch."""

    tags: Tags
    sessions: Sessions

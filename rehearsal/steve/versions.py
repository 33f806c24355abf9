"""Which SteVe the stand-in is, and what that changes: its log-in, its addresses, its fields."""

from dataclasses import dataclass
from typing import Self

NEWEST = "3.15"
TRIED = ("3.7", "3.8", "3.9", "3.12", "3.14", NEWEST)  # a real one of each was measured


@dataclass(frozen=True, slots=True, order=True)
class Version:
    """A version as a pair of numbers, so that versions compare: `version >= V3_8`."""

    major: int
    minor: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a version that was measured; raise ValueError for any other."""
        if text not in TRIED:
            raise ValueError(f"the versions of SteVe are {', '.join(TRIED)}")
        major, minor = text.split(".")
        return cls(int(major), int(minor))


V3_7 = Version(3, 7)
V3_8 = Version(3, 8)  # HTTP Basic, STOPPED, users of idTags
V3_9 = Version(3, 9)  # leads to its sign-in page, hides its 404 behind a 403
V3_12 = Version(3, 12)  # one transaction by its number, passwords of charge boxes
V3_15 = Version(3, 15)  # expire, stop, reports

"""What the ledger keeps of a personal value: enough to see that it was changed, too little to find it out."""

import hashlib
import unicodedata
from typing import NamedTuple

_DIGITS = 5  # of 16: one change in a million goes unseen, and ten thousand telephone numbers fit


class Fingerprint(NamedTuple):
    """Of one value, under a salt that no other row has."""

    salt: str
    digits: str

    @classmethod
    def of(cls, value: str, salt: str) -> "Fingerprint":
        digest = hashlib.sha256(f"{salt}:{readable(value)}".encode()).hexdigest()
        return cls(salt, digest[:_DIGITS])

    def fits(self, value: str) -> bool:
        return Fingerprint.of(value, self.salt) == self


def salt_of(run_id: str, line: int) -> str:
    return hashlib.sha256(f"{run_id}:{line}".encode()).hexdigest()[:8]


def readable(text: str) -> str:
    """Return what people read: without NUL bytes and blanks around, however letters are composed."""
    return unicodedata.normalize("NFC", text.replace("\0", "")).strip()

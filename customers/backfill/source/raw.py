"""The bytes of a file, whoever supplies them, and the proof that they are still the same."""

import hashlib
import io
from collections.abc import Callable
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

Opener = Callable[[], BinaryIO]


class HashedReader(io.RawIOBase):
    """Pass bytes through and keep their SHA-256."""

    def __init__(self, raw: BinaryIO) -> None:
        self._raw = raw
        self._digest = hashlib.sha256()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        view = memoryview(buffer)
        data = self._raw.read(len(view))
        view[: len(data)] = data
        self._digest.update(data)
        return len(data)

    def close(self) -> None:
        self._raw.close()
        super().close()

    def sha256(self) -> str:
        """Tell the digest of all that was read so far."""
        return self._digest.hexdigest()

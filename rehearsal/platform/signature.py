"""Whether a webhook comes from our Lago: a token signed with Lago's key, with the body in it."""

import json
import threading
from collections.abc import Callable, Mapping

import jwt

ALGORITHM = "RS256"


class Signatures:
    """Check signatures with Lago's key, which is asked for once, and once more where one does not fit."""

    def __init__(self, public_key: Callable[[], bytes]) -> None:
        self._ask = public_key
        self._key: bytes | None = None
        self._lock = threading.Lock()

    def accept(self, headers: Mapping[str, str], body: bytes) -> bool:
        """Accept tokens only. The other way that Lago knows, a shared secret (`hmac`), is refused."""
        if headers.get("x-lago-signature-algorithm") != "jwt":
            return False
        token = headers.get("x-lago-signature", "")
        return self._fits(token, body, anew=False) or self._fits(token, body, anew=True)

    def _fits(self, token: str, body: bytes, *, anew: bool) -> bool:
        try:
            claims = jwt.decode(token, self._public_key(anew=anew).decode(), algorithms=[ALGORITHM])
            return bool(json.loads(claims["data"]) == json.loads(body))
        except (jwt.PyJWTError, ValueError, KeyError, TypeError):
            return False

    def _public_key(self, *, anew: bool) -> bytes:
        with self._lock:
            if self._key is None or anew:
                self._key = self._ask()
            return self._key

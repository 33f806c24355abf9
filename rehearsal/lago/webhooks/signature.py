"""How a webhook proves where it comes from: a token signed with a key, or a digest with a shared secret."""

import base64
import hashlib
import hmac
import threading
from functools import cache
from typing import Any

ALGORITHM = "RS256"
BITS = 2048
MAKING = threading.Lock()


def signed(algorithm: str, body: str, *, issuer: str, hmac_key: str) -> str:
    if algorithm == "hmac":
        digest = hmac.digest(hmac_key.encode(), body.encode(), hashlib.sha256)
        return base64.b64encode(digest).decode()
    import jwt  # here, as most sandboxes sign nothing and need not wait for the library

    token: str = jwt.encode({"data": body, "iss": issuer}, _key(), algorithm=ALGORITHM)
    return token


def public_key() -> str:
    """Return the public key as the API gives it: PEM in base64."""
    from cryptography.hazmat.primitives import serialization

    pem: bytes = (
        _key()
        .public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    return base64.b64encode(pem).decode()


def _key() -> Any:
    """Return the key, the same one to every thread."""
    with MAKING:
        return _made()


@cache
def _made() -> Any:
    """Make the key when it is first needed. All sandboxes of a process share it."""
    from cryptography.hazmat.primitives.asymmetric import rsa

    return rsa.generate_private_key(public_exponent=65537, key_size=BITS)

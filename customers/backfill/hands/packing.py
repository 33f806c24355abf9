"""What was planned of a share, packed for whoever does it: signed, as what is unpacked is believed.

It holds what the rows ask for, and is deleted with the share.
"""

import hashlib
import hmac
import pickle
import zlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from typing import Any

from django.conf import settings
from django.utils.crypto import salted_hmac

from billing.prepaid_values import AppliedCoupon, Coupon, Wallet
from billing.values import Customer, Subscription
from charging.found import Tags
from charging.values import OcppTag
from customers.backfill.engine.plan import PlannedRow
from kernel import Bill, Bills, Charge, Facts, Problem, Step, Verdict, Wanted

SALT = "customers.backfill.hands"
SIGNATURE_BYTES = 32
SHAPES: Sequence[Any] = (
    PlannedRow, Wanted, Verdict, Bills, Bill, Charge, Problem, Customer, Subscription, Wallet, Coupon,
    AppliedCoupon, OcppTag, Tags,
)  # fmt: skip


class Unreadable(Exception):
    """It was packed by another version, or under a SECRET_KEY that is not known any more."""


@dataclass(frozen=True, slots=True)
class Packed:
    """`known`: what each step keeps of what it found of these rows, by its name."""

    rows: Sequence[PlannedRow]
    known: dict[str, dict[str, Any]]


def shape() -> str:
    """Name how values are kept here: another version may have others."""
    told = [(one.__name__, [field.name for field in fields(one)]) for one in SHAPES]
    return hashlib.sha256(repr(told).encode()).hexdigest()[:12]


@dataclass(frozen=True, slots=True)
class PackedRevert:
    """The keys of rows in the order in which they go, whose they are, and what was found of them by step."""

    keys: Sequence[int]
    customers: Collection[str]
    parts: dict[str, Any]


def pack(rows: Sequence[PlannedRow], steps: Sequence[Step]) -> bytes:
    wanted = [row.wanted for row in rows]
    known: dict[str, Facts] = {step.name: step.remember(wanted) for step in steps}
    return _sealed([*rows], known)


def unpack(kept: bytes) -> Packed:
    """Raise Unreadable for what was not packed by this very version, with a key that is known."""
    return Packed(*_opened(kept))


def pack_revert(packed: PackedRevert) -> bytes:
    return _sealed(packed.keys, packed.customers, packed.parts)


def unpack_revert(kept: bytes) -> PackedRevert:
    """Raise Unreadable, as `unpack` does."""
    return PackedRevert(*_opened(kept))


def _sealed(*values: Any) -> bytes:
    content = zlib.compress(pickle.dumps((shape(), *values), pickle.HIGHEST_PROTOCOL), level=1)
    return _signature(content, settings.SECRET_KEY) + content


def _opened(kept: bytes) -> Sequence[Any]:
    signature, content = kept[:SIGNATURE_BYTES], kept[SIGNATURE_BYTES:]
    keys = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    if not any(hmac.compare_digest(signature, _signature(content, key)) for key in keys):
        raise Unreadable("it was shared out under another SECRET_KEY")
    values: list[Any]
    try:
        made_as, *values = pickle.loads(zlib.decompress(content))  # noqa: S301 it is signed
    except (AttributeError, ImportError, TypeError, ValueError, pickle.UnpicklingError) as error:
        raise Unreadable("it was shared out by another version") from error
    if made_as != shape():
        raise Unreadable("it was shared out by another version")
    return values


def _signature(content: bytes, key: str) -> bytes:
    return salted_hmac(SALT, content, key, algorithm="sha256").digest()

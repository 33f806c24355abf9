"""Coupons that an organization has, and where they come from."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from rehearsal.lago.clock import seconds
from rehearsal.lago.codes import CURRENCIES
from rehearsal.lago.errors import not_found, raise_if_any, root_missing
from rehearsal.lago.paging import page
from rehearsal.lago.params import Call, as_string, root
from rehearsal.lago.prepaid.numbers import decimal_or_none, shown
from rehearsal.lago.subscriptions.dates import instant
from rehearsal.lago.tables import Coupon
from rehearsal.lago.world import FOUNDED, World
from rehearsal.stand_in.messages import Json

TYPES = ("fixed_amount", "percentage")
FREQUENCIES = ("once", "recurring", "forever")
VALUE = re.compile(r"(?P<rate>[0-9]+(\.[0-9]+)?)%|(?P<cents>[0-9]+)(?P<currency>[A-Z]{3})")


@dataclass(frozen=True, slots=True)
class CouponSpec:
    code: str
    percentage_rate: str | None = None
    amount_cents: int | None = None
    amount_currency: str | None = None
    frequency: str = "forever"
    frequency_duration: int | None = None
    reusable: bool = True
    plan_codes: Sequence[str] = ()
    billable_metric_codes: Sequence[str] = ()
    expiration_at: str | None = None
    terminated_at: str | None = None


def parse_coupon(text: str) -> CouponSpec:
    """Read `CODE[:VALUE[:HOW]]`; raise ValueError with a usable message."""
    words = text.split(":")
    code, value, how = [*words, "", ""][:3]
    given = VALUE.fullmatch(value or "100%")
    if not code or len(words) > 3 or not given or (how not in ("", "once", "forever") and not how.isdigit()):
        raise ValueError(f"{text!r} is not CODE[:VALUE[:HOW]], such as free:100% or welcome:500EUR:once")
    if given["currency"] and given["currency"] not in CURRENCIES:
        raise ValueError(f"{text!r} names a currency that Lago does not know")
    return CouponSpec(
        code,
        percentage_rate=given["rate"],
        amount_cents=int(given["cents"]) if given["cents"] else None,
        amount_currency=given["currency"],
        frequency="recurring" if how.isdigit() else how or "forever",
        frequency_duration=int(how) if how.isdigit() else None,
    )


def put_coupons(world: World, specs: Sequence[CouponSpec]) -> None:
    """Add each coupon, or change the one with that code."""
    for spec in specs:
        coupon = world.purses.coupon(spec.code)
        if coupon is None:
            coupon = Coupon(spec.code, spec.code.capitalize(), "", "", FOUNDED)
            world.purses.coupons.append(coupon)
        coupon.coupon_type = "fixed_amount" if spec.amount_cents is not None else "percentage"
        rate = decimal_or_none(spec.percentage_rate)
        coupon.percentage_rate = None if rate is None else shown(rate)
        coupon.amount_cents, coupon.amount_currency = spec.amount_cents, spec.amount_currency
        coupon.frequency, coupon.frequency_duration = spec.frequency, spec.frequency_duration
        coupon.reusable = spec.reusable
        coupon.plan_codes = list(spec.plan_codes)
        coupon.billable_metric_codes = list(spec.billable_metric_codes)
        coupon.expiration_at = _instant(spec.expiration_at)
        coupon.terminated_at = _instant(spec.terminated_at)


def _instant(text: str | None) -> datetime | None:
    return instant(text) if text else None


def is_active(world: World, coupon: Coupon) -> bool:
    ended = (coupon.terminated_at, coupon.deleted_at, coupon.expiration_at)
    return all(at is None or at > world.now() for at in ended)


def create(world: World, call: Call) -> Json:
    sent = root(call.params, "coupon")
    if sent is None:
        raise root_missing("coupon")
    raise_if_any(_problems(world, sent))
    is_rate = sent["coupon_type"] == "percentage"
    rate = decimal_or_none(sent.get("percentage_rate"))
    limits = sent.get("applies_to") if isinstance(sent.get("applies_to"), dict) else {}
    coupon = Coupon(
        code=str(sent["code"]),
        name=as_string(sent.get("name")) or "",
        coupon_type=sent["coupon_type"],
        frequency=sent["frequency"],
        created_at=world.now(),
        percentage_rate=shown(rate) if is_rate and rate is not None else None,
        amount_cents=None if is_rate else int(sent["amount_cents"]),
        amount_currency=None if is_rate else sent["amount_currency"],
        frequency_duration=sent.get("frequency_duration"),
        reusable=sent.get("reusable", True) is not False,
        plan_codes=list((limits or {}).get("plan_codes") or ()),
        billable_metric_codes=list((limits or {}).get("billable_metric_codes") or ()),
        expiration_at=instant(sent["expiration_at"]) if sent.get("expiration_at") else None,
    )
    world.purses.coupons.append(coupon)
    return {"coupon": coupon_json(coupon)}


def _problems(world: World, sent: Json) -> dict[str, list[str]]:
    problems: dict[str, list[str]] = {}
    for name in ("name", "code"):
        if not as_string(sent.get(name)):
            problems[name] = ["value_is_mandatory"]
    if world.purses.coupon(as_string(sent.get("code")) or ""):
        problems["code"] = ["value_already_exist"]
    for name, known in (("coupon_type", TYPES), ("frequency", FREQUENCIES)):
        if sent.get(name) not in known:
            problems[name] = ["value_is_invalid"]
    worth = {"percentage": "percentage_rate", "fixed_amount": "amount_cents"}.get(sent.get("coupon_type", ""))
    if worth and decimal_or_none(sent.get(worth)) is None:
        problems[worth] = ["value_is_mandatory"]
    if worth == "amount_cents" and sent.get("amount_currency") not in CURRENCIES:
        problems["amount_currency"] = ["value_is_invalid"]
    if sent.get("frequency") == "recurring" and not sent.get("frequency_duration"):
        problems["frequency_duration"] = ["value_is_mandatory"]
    return problems


def _found(world: World, code: str) -> Coupon:
    coupon = world.purses.coupon(code)
    if coupon is None:
        raise not_found("coupon")
    return coupon


def show(world: World, call: Call) -> Json:
    return {"coupon": coupon_json(_found(world, call.id))}


def delete(world: World, call: Call) -> Json:
    """Delete softly; with it ends what customers have of it."""
    coupon = _found(world, call.id)
    coupon.deleted_at = world.now()
    for applied in world.purses.applied.values():
        if applied.coupon_id == coupon.lago_id and applied.status == "active":
            applied.status, applied.terminated_at = "terminated", world.now()
    return {"coupon": coupon_json(coupon)}


def index(world: World, call: Call) -> Json:
    there = [coupon for coupon in reversed(world.purses.coupons) if coupon.deleted_at is None]
    rows, meta = page(there, call.params)
    return {"coupons": [coupon_json(coupon) for coupon in rows], "meta": meta}


def coupon_json(coupon: Coupon) -> Json:
    return {
        "lago_id": coupon.lago_id,
        "name": coupon.name,
        "code": coupon.code,
        "description": None,
        "coupon_type": coupon.coupon_type,
        "amount_cents": coupon.amount_cents,
        "amount_currency": coupon.amount_currency,
        "percentage_rate": coupon.percentage_rate,
        "frequency": coupon.frequency,
        "frequency_duration": coupon.frequency_duration,
        "reusable": coupon.reusable,
        "limited_plans": bool(coupon.plan_codes),
        "plan_codes": coupon.plan_codes,
        "limited_billable_metrics": bool(coupon.billable_metric_codes),
        "billable_metric_codes": coupon.billable_metric_codes,
        "created_at": seconds(coupon.created_at),
        "expiration": "time_limit" if coupon.expiration_at else "no_expiration",
        "expiration_at": seconds(coupon.expiration_at),
        "terminated_at": seconds(coupon.terminated_at),
    }

"""A plan's fixed charges: units at a price, as sent, kept and shown."""

import re
from collections.abc import Iterable
from typing import Any

from rehearsal.lago.clock import seconds
from rehearsal.lago.params import as_string
from rehearsal.lago.tables import Plan, new_id
from rehearsal.stand_in.messages import Json

DECIMAL = re.compile(r"[0-9]+(\.[0-9]+)?")


def kept(sent: Any) -> list[Json]:
    """Read the charges of a plan; raise ValueError unless each is a number of units at an amount."""
    return [_kept(number, one) for number, one in enumerate(sent or [], 1)]


def _kept(number: int, sent: Any) -> Json:
    if not isinstance(sent, dict) or sent.get("charge_model", "standard") != "standard":
        raise ValueError("a fixed charge is an object of the standard model here")
    code = as_string(sent.get("code")) or as_string(sent.get("add_on_code")) or f"fixed_{number}"
    return {
        "lago_id": new_id(),
        "add_on_id": new_id(),
        "code": code,
        "units": _number(sent.get("units", 1)),
        "amount": _number((sent.get("properties") or {}).get("amount")),
        "pay_in_advance": bool(sent.get("pay_in_advance", False)),
        "prorated": bool(sent.get("prorated", False)),
    }


def _number(value: Any) -> str:
    text = as_string(value) or ""
    if not DECIMAL.fullmatch(text):
        raise ValueError("units and amount of a fixed charge are decimal numbers")
    return text


def shown(plan: Plan, charges: Iterable[Json]) -> list[Json]:
    return [
        {
            "lago_id": one["lago_id"],
            "lago_add_on_id": one["add_on_id"],
            "code": one["code"],
            "invoice_display_name": one["code"],
            "add_on_code": one["code"],
            "created_at": seconds(plan.created_at),
            "charge_model": "standard",
            "pay_in_advance": one["pay_in_advance"],
            "prorated": one["prorated"],
            "properties": {"amount": one["amount"]},
            "units": float(one["units"]),
            "lago_parent_id": None,
            "taxes": [],
        }
        for one in charges
    ]

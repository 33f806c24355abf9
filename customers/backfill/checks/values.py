"""The rules for single values. Each check gives the value to use, or the one problem with it.

A value that is not a valid one is never repaired; only blanks around it are taken away.
"""

import re
import unicodedata
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Protocol

from customers.backfill.checks.damage import damage_in_id
from kernel import Problem
from kernel.masking import mask_id_tag
from kernel.notation import bare, padded

MAX_NAME_CHARS = 255
MAX_EXTERNAL_ID_CHARS = 255

RESERVED_PREFIXES = ("META-", "OCPP-", "APP-", "QR-")

_ID_TAG = re.compile(r"[A-Za-z0-9_-]{1,20}")
_SEPARATED = re.compile(r"(?:0x)?[0-9A-Fa-f]{2}(?:[:. ][0-9A-Fa-f]{2}){3,9}", re.IGNORECASE)
_SEVERAL = re.compile(r"\s*[;,/|\n]\s*")
_HEX = re.compile(r"[0-9A-Fa-f]+")
# What a spreadsheet makes of digits: an exponent with a plus or a decimal mark, or decimals that are all 0.
_DAMAGED = re.compile(r"-?\d+(?:[.,]\d+E[+-]?\d+|E\+\d+|[.,]0+)", re.IGNORECASE)

_SHORT_NUMBER = re.compile(r"0\d*")  # which has its zero
_AS_DECIMAL = re.compile(r"0[0-9]{9}|[0-9]{16,19}")

_AS_TEXT = "Format the column as text and enter the value again from its source."
_NO_NAME_CATEGORIES = ("Cc", "Cs", "Zl", "Zp")  # control characters, halves of characters, line ends
_PLANS_NAMED = 5
_LONGEST_COMPARED = 100
_CODE_TO_SHOW = re.compile(r"[\w.-]{1,60}")  # and not what may be a name or an address in the wrong column


class PlanLike(Protocol):
    """What is needed of a Lago plan."""

    @property
    def code(self) -> str: ...

    @property
    def pending_deletion(self) -> bool: ...

    @property
    def amount_currency(self) -> str | None: ...

    @property
    def interval(self) -> str | None: ...


def check_display_name(given: str) -> str | Problem:
    name = given.strip()
    if not any(unicodedata.category(char)[0] not in "CZ" for char in name):
        return Problem(
            "display_name_blank", "display_name", "There is no name.", "Enter the customer's name."
        )
    if len(name) > MAX_NAME_CHARS:
        told = f"The name has {len(name):,} characters; {MAX_NAME_CHARS} are possible."
        return Problem("display_name_too_long", "display_name", told, "Shorten it.")
    if not name.isprintable() and any(unicodedata.category(char) in _NO_NAME_CATEGORIES for char in name):
        told = "The name contains a line break or another control character."
        return Problem("display_name_invalid", "display_name", told, "Type the name again, in one line.")
    return name


def check_external_id(given: str, *, is_text: bool = True) -> str | Problem:
    """`is_text`: the cell was text; a number may have lost leading zeros or digits."""
    external_id = given.strip()
    if not external_id:
        hint = "Enter a key that stays with this customer for ever, such as the number in the old system."
        return Problem("external_id_blank", "external_id", "There is no external_id.", hint)
    if not is_text:
        told = "The external_id is a number in the file; leading zeros or digits may be lost."
        return Problem("external_id_invalid", "external_id", told, _AS_TEXT)
    if len(external_id) > MAX_EXTERNAL_ID_CHARS:
        told = f"The external_id has {len(external_id):,} characters; {MAX_EXTERNAL_ID_CHARS} are possible."
        return Problem("external_id_invalid", "external_id", told, "Choose a shorter one.")
    if external_id in (".", ".."):
        told = f"“{external_id}” cannot be an external_id, because it has a meaning in web addresses."
        return Problem("external_id_invalid", "external_id", told, "Choose another one.")
    if not external_id.isprintable():
        told = "The external_id contains a tab, a line break or an invisible character."
        return Problem("external_id_invalid", "external_id", told, "Type it again.")
    return external_id


def check_id_tag(given: str, *, is_text: bool = True) -> str | Problem:
    """`is_text`: the cell was text; a number may have lost leading zeros or digits."""
    id_tag = given.strip()
    if not id_tag:
        return Problem("id_tag_blank", "id_tag", "There is no idTag.", "Enter the number of the card.")
    if is_text and _ID_TAG.fullmatch(id_tag):  # then there is no mark in it of which a number is known
        return _reserved(id_tag) if id_tag.upper().startswith(RESERVED_PREFIXES) else id_tag
    return _no_id_tag(id_tag, is_text=is_text)


def _reserved(id_tag: str) -> Problem:
    told = f"The idTag “{mask_id_tag(id_tag)}” begins with a prefix that the platform keeps for itself."
    return Problem("id_tag_reserved", "id_tag", told, "Enter the number of a card.")


def _no_id_tag(id_tag: str, *, is_text: bool) -> Problem:
    masked = mask_id_tag(id_tag)
    if not is_text or _DAMAGED.fullmatch(id_tag):
        told = f"A spreadsheet took the idTag “{masked}” for a number; leading zeros or digits are lost."
        return Problem("id_tag_damaged", "id_tag", told, _AS_TEXT)
    if damage := damage_in_id("id_tag", id_tag):
        return Problem("id_tag_invalid", "id_tag", damage.message, damage.hint)
    hint = "An idTag has 1 to 20 characters: letters A–Z, digits, - and _."
    if len([part for part in _SEVERAL.split(id_tag) if part]) > 1:
        hint = "Write a row for each card: rows of one customer repeat all but the idTag."
    elif _SEPARATED.fullmatch(id_tag):
        hint = "Write the number of the card without anything between its digits."
    return Problem("id_tag_invalid", "id_tag", f"“{masked}” is not an idTag.", hint)


def lowercase_warning(id_tag: str) -> Problem | None:
    """Warn of hexadecimal in lower case: readers report capitals, and some systems compare exactly."""
    if id_tag.upper() == id_tag or not _HEX.fullmatch(id_tag):
        return None
    told = f"The idTag “{mask_id_tag(id_tag)}” is in lower case; chargers usually report capitals."
    return Problem("id_tag_lowercase", "id_tag", told, "Write it as the charger reports it.")


def notation_warning(id_tag: str) -> Problem | None:
    """Warn of a card that is not written as readers report it: all of its digits, in hexadecimal."""
    plain, digits = id_tag.upper(), bare(id_tag)
    if not id_tag or id_tag.isalpha():
        return None
    if digits != plain:
        told = "has a prefix or separators; chargers usually report the digits alone."
    elif len(digits) in (7, 13) and padded(id_tag) != digits and not _SHORT_NUMBER.fullmatch(digits):
        told = f"has {len(digits)} hexadecimal digits; a leading zero may be lost."
    elif digits.isdecimal() and _AS_DECIMAL.fullmatch(digits):
        told = "looks like the decimal form of a card; chargers usually report the hexadecimal one."
    else:
        return None
    return Problem(
        "id_tag_notation",
        "id_tag",
        f"The idTag “{mask_id_tag(id_tag)}” {told}",
        "Compare it with the charger.",
    )


def check_plan_code(given: str, plans: Mapping[str, PlanLike]) -> str | Problem:
    """`plans` are Lago's, by their code."""
    plan_code = given.strip()
    if not plan_code:
        return Problem("plan_code_blank", "plan_code", "There is no plan code.", _known_plans(plans))
    if plan_code not in plans:
        shown = f"“{plan_code}”" if _CODE_TO_SHOW.fullmatch(plan_code) else "with this code"
        told = f"Lago has no plan {shown}."
        return Problem("plan_not_found", "plan_code", told, _did_you_mean(plan_code, plans))
    return plan_code


def pending_deletion_warning(plan_code: str, plans: Mapping[str, PlanLike]) -> Problem | None:
    """Warn of a plan that Lago is about to delete."""
    if plan_code not in plans or not plans[plan_code].pending_deletion:
        return None
    told = f"The plan “{plan_code}” is being deleted in Lago."
    return Problem("plan_pending_deletion", "plan_code", told, "Choose another plan, or ask who deleted it.")


def _did_you_mean(plan_code: str, plans: Mapping[str, PlanLike]) -> str:
    by_folded = {code.casefold(): code for code in plans}
    close = get_close_matches(plan_code[:_LONGEST_COMPARED].casefold(), by_folded, n=1, cutoff=0.7)
    if not close:
        return _known_plans(plans)
    return f"Did you mean “{by_folded[close[0]]}”? Plan codes are compared exactly, capitals included."


def _known_plans(plans: Mapping[str, PlanLike]) -> str:
    if not plans:
        return "Lago has no plans; create one first."
    named = ", ".join(sorted(plans)[:_PLANS_NAMED])
    more = f" and {len(plans) - _PLANS_NAMED} more" if len(plans) > _PLANS_NAMED else ""
    return f"Plans in Lago: {named}{more}."

"""What was done, in plain words. The log keeps codes, which filters and other programs go by."""

from collections.abc import Mapping
from typing import Any

WORDS = {
    "idtagmapping.changed": "Card switched",
    "notice.tried_again": "Told again",
    "plan.asked": "Approval of a plan asked for",
    "platform_link.minting": "Link to the platform is being made",
    "platform_link.revoked": "Link to the platform deleted",
    "settle.stopped": "Waiting for the platform stopped",
    "sign_in.attempted_by_staff": "Staff asked for a customer's link",
    "sign_in.by_password": "Signed in with a password",
    "sign_in.failed": "Wrong password",
    "sign_in.locked_out": "Locked out",
    "sign_in.not_sent": "Sign-in link not mailed",
    "sign_in.refused": "Dead or made-up link tried",
    "sign_in.repeated": "Signed in by a second click",
    "sign_in.requested": "Sign-in link asked for",
    "sign_in.requested_by_staff": "Sign-in link asked for by staff",
    "sign_in.sent": "Sign-in link mailed",
    "sign_in.throttled": "Link asked for too often",
    "sign_in.used": "Signed in by link",
    "user.rights": "Rights changed",
    "group.rights": "Rights of a group changed",
    "run.canary": "First customers in, the others wait",
    "run.cards_chosen": "Refused cards chosen to be corrected",
    "run.stop_requested": "Stop asked for",
    "run.pause_requested": "Pause asked for",
    "run.paced": "Pace changed",
    "run.reclaimed": "Taken into the ledger again by its log",
    "run.scheduled_now": "Started before its time",
    "welcome.paced": "Pace of the mails changed",
    "row.repaired": "Row repaired",
    "row.left_out": "Row left out of a repair",
    "repair.asked": "Repair asked for",
    "repair.begun": "Repair begun",
    "repair.stop_requested": "Stop of a repair asked for",
}


# Of things that an import makes: what they are called on every other page.
THINGS = {
    "id_tag_mapping": "idTag",
    "steve_id_tag": "idTag in SteVe",
    "lago_customer": "Customer in Lago",
    "lago_subscription": "Subscription in Lago",
    "lago_wallet": "Opening balance in Lago",
    "lago_coupon": "Coupon in Lago",
    "platform_user": "User on the platform",
    "platform_mapping": "Mapping on the platform",
}


def in_words(action: str) -> str:
    """Say an action; one without words of its own by its parts: user.created is "User created"."""
    if action in WORDS:
        return WORDS[action]
    thing, _, verb = action.partition(".")
    return f"{THINGS.get(thing) or _plain(thing).capitalize()} {_plain(verb)}".rstrip()


def details(data: Mapping[str, Any]) -> str:
    return ", ".join(f"{_plain(key)}: {_listed(value)}" for key, value in data.items())


def _plain(code: str) -> str:
    return code.replace("_", " ").replace(".", " ")


def _listed(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)

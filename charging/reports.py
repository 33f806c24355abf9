"""The words of the step: its problems, warnings and divergences. idTags come masked."""

import unicodedata
from datetime import datetime

from charging.values import OcppTag
from kernel import Divergence, Problem, Wanted
from kernel.masking import mask_id_tag


def _of_id_tag(code: str, message: str, hint: str) -> Problem:
    return Problem(code, "id_tag", message, hint)


# --- Problems --------------------------------------------------------------------------------------


def exists(tag: OcppTag) -> Problem:
    message = f"SteVe has the idTag {mask_id_tag(tag.id_tag)} already (number {tag.ocpp_tag_pk})."
    hint = f"With --skip-existing it is adopted{' and unblocked' if tag.is_blocked else ' as it is'}."
    return _of_id_tag("steve_id_tag_exists", message, hint)


def expired(tag: OcppTag) -> Problem:
    message = f"SteVe has the idTag {mask_id_tag(tag.id_tag)}, expired on {_day(tag)}."
    return _of_id_tag("steve_id_tag_expired", message, "If the card is still good, renew it in SteVe.")


def taken(tag: OcppTag) -> Problem:
    message = f"SteVe has the idTag {mask_id_tag(tag.id_tag)} under another customer of the platform."
    return _of_id_tag(
        "steve_id_tag_taken", message, "Unlink the card from that customer first, or drop the row."
    )


def unusable(tag: OcppTag) -> Problem:
    """Refuse a spelling that no idTag of ours can have, and that SteVe takes for the one of the row."""
    named = f"the idTag {mask_id_tag(tag.id_tag)} (number {tag.ocpp_tag_pk})"
    message = (
        f"SteVe has {named} with {_oddity(tag.id_tag)}: it takes that for the same card, and no idTag of the"
        " platform can be spelled so."
    )
    hint = (
        f"Have number {tag.ocpp_tag_pk} renamed or deleted in SteVe (deleting takes its sessions along), then"
        " run again."
    )
    return _of_id_tag("steve_id_tag_unusable", message, hint)


def _oddity(id_tag: str) -> str:
    """Name what is odd about a spelling, without showing it."""
    if id_tag != id_tag.rstrip(" "):
        return "a blank at its end"
    plain = unicodedata.normalize("NFD", id_tag)
    return "an accent" if any(map(unicodedata.combining, plain)) else "a character that is none of ours"


# --- Warnings --------------------------------------------------------------------------------------


def unblocks(id_tag: str, number: str) -> Problem:
    message = f"SteVe blocks the idTag {mask_id_tag(id_tag)} (number {number}); the run unblocks it."
    return _of_id_tag("steve_id_tag_unblocked", message, "Drop the row if the card is meant to be blocked.")


def unblocked(id_tag: str, number: str) -> Problem:
    message = f"SteVe blocked the idTag {mask_id_tag(id_tag)} (number {number}); the run has unblocked it."
    hint = "If the card is meant to be blocked, block it in SteVe again."
    return _of_id_tag("steve_id_tag_unblocked", message, hint)


def unblocking(number: int) -> str:
    if number == 1:
        return "SteVe blocks 1 idTag that the run unblocks. It may be a stolen card, blocked on purpose."
    return (
        f"SteVe blocks {number:,} idTags that the run unblocks. Any of them may be a stolen card, blocked on"
        " purpose."
    )


def open_early(tag: OcppTag, begins: datetime) -> Problem:
    named = f"the idTag {mask_id_tag(tag.id_tag)} (number {tag.ocpp_tag_pk})"
    message = (
        f"SteVe has {named} open, and it is paid for only from {begins:%Y-%m-%d}: until the platform's next"
        " sync blocks it, nobody is billed for its sessions."
    )
    hint = "Block it in SteVe before the run if it must not charge."
    return _of_id_tag("steve_id_tag_open_early", message, hint)


def takes_long() -> Problem:
    message = "SteVe will be at work for more than an hour: a call costs it more, the more idTags it has."
    hint = (
        "Import in parts, the days before; give SteVe more processors; stop what else calls it."
        " More calls at a time bring little."
    )
    return Problem("steve_takes_long", None, message, hint)


def left_blocked(tag: OcppTag, *, beside_platform: bool) -> Problem:
    message = f"SteVe blocks the idTag {mask_id_tag(tag.id_tag)} since a run finished with it; it stays so."
    hint = f"If the card may charge, unblock number {tag.ocpp_tag_pk} in SteVe."
    if beside_platform:
        hint = "If the card may charge, activate it on the platform, whose next sync opens it."
    return _of_id_tag("steve_id_tag_blocked_since", message, hint)


def left_expired(tag: OcppTag) -> Problem:
    message = f"The idTag {mask_id_tag(tag.id_tag)} expired in SteVe since a run finished with it."
    return _of_id_tag("steve_id_tag_expired_since", message, "If the card is still good, renew it in SteVe.")


def spelling(wanted: Wanted, tag: OcppTag) -> Problem:
    in_file, in_steve = mask_id_tag(wanted.id_tag), mask_id_tag(tag.id_tag)
    message = f"The file spells the idTag {in_file}, SteVe spells it {in_steve}; SteVe's spelling is used."
    hint = "Sessions are billed by exact spelling: correct the file to what SteVe has."
    return _of_id_tag("steve_id_tag_spelling", message, hint)


def in_transaction(tag: OcppTag) -> Problem:
    message = f"The idTag {mask_id_tag(tag.id_tag)} is charging right now."
    hint = "The running session began before the import: look whether and to whom it was billed."
    return _of_id_tag("steve_id_tag_in_transaction", message, hint)


def has_user(tag: OcppTag) -> Problem:
    message = f"SteVe has the idTag {mask_id_tag(tag.id_tag)} under a user of its own (number {tag.user_pk})."
    return _of_id_tag("steve_id_tag_has_user", message, "Make sure that it is the same person.")


# --- Divergences -----------------------------------------------------------------------------------


def missing(wanted: Wanted) -> Divergence:
    remedy = "Run the same file again with --skip-existing: it is made again."
    return Divergence("missing", f"idTag {mask_id_tag(wanted.id_tag)}", "none", remedy)


def replaced(ref: str, tag: OcppTag) -> Divergence:
    remedy = "Somebody deleted the idTag in SteVe and made it anew: find out who, and why."
    return Divergence("other_object", f"number {ref}", f"number {tag.ocpp_tag_pk}", remedy)


def blocked(tag: OcppTag) -> Divergence:
    remedy = f"If the card may charge, unblock number {tag.ocpp_tag_pk} in SteVe."
    return Divergence("blocked", "not blocked", "blocked", remedy)


def blocked_beside_platform(tag: OcppTag) -> Divergence:
    remedy = (
        "The platform opens a card at its next sync where its own mapping is active, and undoes what is done"
        f" by hand: look at the card of number {tag.ocpp_tag_pk} there."
    )
    return Divergence("blocked", "not blocked", "blocked", remedy)


def expired_since(tag: OcppTag) -> Divergence:
    remedy = f"If the card may charge, change the expiry of number {tag.ocpp_tag_pk} in SteVe."
    return Divergence("expired", "not expired", f"expired on {_day(tag)}", remedy)


def respelled(wanted: Wanted, tag: OcppTag) -> Divergence:
    remedy = "Sessions are billed by exact spelling: give our mapping the spelling of SteVe."
    return Divergence("other_spelling", mask_id_tag(wanted.id_tag), mask_id_tag(tag.id_tag), remedy)


def misspelt_sessions(tag: OcppTag, number: int) -> Divergence:
    remedy = (
        "Sessions are billed by exact spelling, and these by nobody. Have the charger send the spelling of"
        f" our mapping, and bill these by hand: number {tag.ocpp_tag_pk} in SteVe."
    )
    return Divergence("sessions_misspelt", "sessions in our spelling", f"in another: {number}", remedy)


def _day(tag: OcppTag) -> str:
    return tag.expires_at.date().isoformat() if tag.expires_at else ""

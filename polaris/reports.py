"""The words of the two steps: problems, warnings and divergences. Addresses and idTags come masked."""

from collections.abc import Iterator

from kernel import Divergence, Problem, Thing, Wanted
from kernel.masking import mask_email, mask_id_tag
from polaris.mappings import PlatformMapping
from polaris.users import PlatformUser

LAST_PLAIN = 0xFFFF
NEVER_MERGED = "People are never merged: correct the row, or the customer on the platform."
AGAIN = "Run the same file again with --skip-existing: it is made again."

# --- Users -----------------------------------------------------------------------------------------------


def unsupported_name(wanted: Wanted) -> Iterator[Problem]:
    """Refuse what the platform would write into SteVe's note, which takes no such character."""
    if wanted.display_name.isascii():
        return
    strange = sorted({c for c in wanted.display_name if ord(c) > LAST_PLAIN})
    if strange:
        named = ", ".join(f"U+{ord(c):X}" for c in strange)
        yield Problem(
            "name_unsupported",
            "display_name",
            f"The name holds a character that shuts the customer's cards on the platform ({named}).",
            "Take it out of the name: SteVe cannot store it, and the platform would never open the card.",
        )


def of_staff(wanted: Wanted) -> Problem:
    message = f"The address {mask_email(wanted.email)}, or the customer, is somebody of the platform's staff."
    hint = "Give the customer another address: who is staff can be no customer."
    return Problem("email_belongs_to_staff", "email", message, hint)


def exists_unlinked(wanted: Wanted) -> Problem:
    message = f"The platform has a user with the address {mask_email(wanted.email)} and without a customer."
    return Problem("platform_user_exists", "email", message, "With --skip-existing the row is left out.")


def signed_up_directly(wanted: Wanted) -> Problem:
    message = f"{mask_email(wanted.email)} signed up at the platform directly; the row is left out."
    hint = "Link the customer there by hand if it is the same person."
    return Problem("email_signed_up_directly", "email", message, hint)


def other_address(wanted: Wanted) -> Problem:
    message = f"The platform has the customer {wanted.external_id} with another address."
    return Problem("platform_user_conflict", "email", message, NEVER_MERGED)


def other_customer(wanted: Wanted) -> Problem:
    message = f"On the platform the address {mask_email(wanted.email)} belongs to another customer."
    return Problem("platform_user_conflict", "email", message, NEVER_MERGED)


def user_exists(wanted: Wanted) -> Problem:
    message = f"The platform has the customer {wanted.external_id} already."
    return Problem("platform_user_exists", "external_id", message, "With --skip-existing it is adopted.")


def user_missing() -> Divergence:
    return Divergence("missing", "a user", "none", AGAIN)


def user_differences(thing: Thing, user: PlatformUser) -> Iterator[Divergence]:
    if user.id != thing.ref:
        remedy = "Somebody deleted the user and made it anew: find out who, and why."
        yield Divergence("other_object", "the user of the run", "another user", remedy)
    if not user.is_customer:
        yield Divergence(
            "other_role", "customer", user.role, "Cards of staff are not billed: look at who that is."
        )
    email = user.email or ""
    if thing.wanted.email and email.lower() != thing.wanted.email.lower():
        remedy = "Correct the address where it is wrong: the customer signs in by it."
        yield Divergence("email_drifted", mask_email(thing.wanted.email), mask_email(email) or "none", remedy)
    elif email != email.lower():
        remedy = "The customer cannot sign in: write the address in lower case."
        yield Divergence("capitals", "lower case", "capitals", remedy)


# --- Mappings --------------------------------------------------------------------------------------------


def mapping_exists(wanted: Wanted) -> Problem:
    message = f"The platform has the idTag {mask_id_tag(wanted.id_tag)} of this customer already."
    return Problem("platform_mapping_exists", "id_tag", message, "With --skip-existing it is adopted.")


def mapping_conflict(wanted: Wanted, why: str) -> Problem:
    message = f"The platform has the idTag {mask_id_tag(wanted.id_tag)} {why}."
    hint = "A card is never moved: unlink it there first, or drop the row."
    return Problem("platform_mapping_conflict", "id_tag", message, hint)


def tier_changes(wanted: Wanted, tier: str) -> Problem:
    message = (
        f"The card {mask_id_tag(wanted.id_tag)} has the billing tier {tier} on the platform; "
        "it becomes comped, as the coupon makes charging free."
    )
    return Problem("platform_tier_changed", "coupon", message, "A revert gives the card its tier back.")


def may_not_mark() -> Problem:
    message = "The coupon makes charging free, and the role may not tell the platform (billing_tier)."
    hint = "Have the owner of the tables grant that right: backfill_preflight says how."
    return Problem("platform_tier_forbidden", "coupon", message, hint)


def mapping_missing() -> Divergence:
    return Divergence("missing", "a mapping", "none", AGAIN)


def mapping_differences(
    thing: Thing,
    mapping: PlatformMapping,
    *,
    user: str,
    subscription: str,
    pk: int | None,
    begins_later: bool,
    is_to_mark: bool,
) -> Iterator[Divergence]:
    """Compare with what the other steps of the row tell; blank or None where they tell nothing."""
    external_id = thing.wanted.external_id
    if mapping.is_of_platform:
        remedy = "The platform uses this mapping for something else: look at it there."
        yield Divergence("other_object", "a card", mapping.tag_type, remedy)
    if mapping.external_id != external_id or (user and mapping.user_id != user):
        remedy = "Somebody gave the card away on the platform: find out who, and why."
        yield Divergence("other_owner", external_id, mapping.external_id or "none", remedy)
    if subscription and mapping.subscription_key != subscription:
        remedy = "Its sessions are billed to another subscription: correct it on the platform."
        yield Divergence("other_subscription", subscription, mapping.subscription_key or "none", remedy)
    if not mapping.is_active and not begins_later:
        remedy = (
            "Its sessions are not billed, and the next sync blocks it: activate the card on the platform."
        )
        yield Divergence("inactive", "active", "inactive", remedy)
    if is_to_mark:
        remedy = (
            "The coupon makes charging free, and the platform does not know: give the card that tier there."
        )
        yield Divergence("other_tier", "comped", mapping.billing_tier or "none", remedy)
    if pk is not None and mapping.ocpp_tag_pk != pk:
        remedy = "SteVe has made the idTag anew: the platform's next sync finds it by its text."
        yield Divergence("other_number", str(pk), str(mapping.ocpp_tag_pk), remedy)
    if thing.wanted.id_tag and mapping.id_tag != thing.wanted.id_tag:
        remedy = "Sessions are billed by exact spelling: give the platform's card the spelling of SteVe."
        yield Divergence(
            "other_spelling", mask_id_tag(thing.wanted.id_tag), mask_id_tag(mapping.id_tag), remedy
        )

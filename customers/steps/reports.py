"""The words of our own two steps: problems and divergences. Personal values come masked."""

from collections.abc import Sequence
from typing import NamedTuple

from kernel import Divergence, Problem, Wanted
from kernel.masking import mask_email, mask_id_tag

ADOPTS = "--skip-existing adopts what agrees and completes what is half done."


class UserFact(NamedTuple):
    pk: int
    email: str
    external_id: str | None
    is_staff: bool


class UserNow(NamedTuple):
    external_id: str | None
    is_active: bool


# --- Customers ---------------------------------------------------------------------------------------


def signed_up_directly(wanted: Wanted, user: UserFact | None) -> Problem | None:
    """Return whether the address belongs to a customer who came by themselves; such a row is never merged."""
    if user is None or user.is_staff or user.external_id is not None:
        return None
    return Problem(
        "email_signed_up_directly",
        "email",
        f"{mask_email(wanted.email)} signed up directly and has no external_id; the row is skipped.",
        "Link the two by hand, or leave that customer as they are.",
    )


def email_taken(wanted: Wanted, user: UserFact | None) -> Problem | None:
    if user is None or (user.external_id == wanted.external_id and not user.is_staff):
        return None
    shown = mask_email(wanted.email)
    if user.is_staff:
        return Problem(
            "email_belongs_to_staff", "email", f"{shown} belongs to a member of staff.",
            "Use another address: staff and customers are never the same person here.",
        )  # fmt: skip
    if user.external_id is None:
        return Problem(
            "email_exists", "email", f"{shown} belongs to a customer who signed up directly.",
            "--skip-existing leaves such rows out with a warning.",
        )  # fmt: skip
    return Problem(
        "email_exists", "email", f"{shown} already belongs to the customer {user.external_id}.",
        "Correct the address or the external_id: one address is one customer.",
    )  # fmt: skip


def id_taken(wanted: Wanted, user: UserFact | None) -> Problem | None:
    if user is None:
        return None
    if user.external_id != wanted.external_id:
        return Problem(
            "external_id_exists", "external_id",
            f"{wanted.external_id} differs only by case from the existing customer {user.external_id}.",
            "Write it as it stands there, or choose another external_id.",
        )  # fmt: skip
    if wanted.email and user.email != wanted.email:
        return Problem(
            "external_id_exists", "external_id",
            f"The customer {wanted.external_id} exists with another address than {mask_email(wanted.email)}.",
            "Correct the row, or change the address in the admin; an import never overwrites.",
        )  # fmt: skip
    return None


def exists(wanted: Wanted) -> tuple[Problem, ...]:
    by_email = Problem("email_exists", "email", f"{mask_email(wanted.email)} has a customer already.", ADOPTS)
    by_id = Problem(
        "external_id_exists", "external_id", f"The customer {wanted.external_id} exists already.", ADOPTS
    )
    return (by_email, by_id) if wanted.email else (by_id,)


# --- idTags ------------------------------------------------------------------------------------------


def id_tag_of_another(wanted: Wanted) -> Problem:
    return Problem(
        "id_tag_exists", "id_tag", f"The idTag {mask_id_tag(wanted.id_tag)} belongs to another customer.",
        "An import never moves a card. Correct the row, or remove the idTag there first.",
    )  # fmt: skip


def id_tag_exists(wanted: Wanted) -> Problem:
    message = f"The idTag {mask_id_tag(wanted.id_tag)} is this customer's already."
    return Problem("id_tag_exists", "id_tag", message, ADOPTS)


def beside_the_run(id_tags: Sequence[str]) -> Divergence:
    remedy = "Made by hand, or by no run that is known. Remove it if it should not be there."
    return Divergence("extra", "the idTags of the run", f"also {', '.join(id_tags)}", remedy)

"""The two steps in our own database, as checks on what was looked up. Pure."""

from customers.backfill.engine.world import MappingFact, UserFact, World
from kernel import Action, Problem, Verdict, Wanted
from kernel.masking import mask_email, mask_id_tag

NEW = Verdict(Action.CREATE)


def signed_up_directly(wanted: Wanted, world: World) -> Problem | None:
    """Tell whether the address belongs to a customer who came by themselves; such a row is never merged."""
    user = world.users_by_email.get(wanted.email.lower()) if wanted.email else None
    if user is None or user.is_staff or user.external_id is not None:
        return None
    return Problem(
        "email_signed_up_directly",
        "email",
        f"{mask_email(wanted.email)} signed up directly and has no external_id; the row is skipped.",
        "Link the two by hand, or leave that customer as they are.",
    )


def check_user(wanted: Wanted, world: World) -> Verdict:
    by_email = world.users_by_email.get(wanted.email.lower()) if wanted.email else None
    by_id = world.users_by_external_id.get(wanted.external_id) if wanted.external_id else None
    problems = tuple(p for p in (_email_taken(wanted, by_email), _id_taken(wanted, by_id)) if p)
    if problems:
        return Verdict(None, problems=problems)
    if by_id is None:
        return NEW
    return Verdict(Action.ADOPT, ref=str(by_id.pk), exists=_user_exists(wanted))


def _email_taken(wanted: Wanted, user: UserFact | None) -> Problem | None:
    if user is None:
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
    if user.external_id != wanted.external_id:
        return Problem(
            "email_exists", "email", f"{shown} already belongs to the customer {user.external_id}.",
            "Correct the address or the external_id: one address is one customer.",
        )  # fmt: skip
    return None


def _id_taken(wanted: Wanted, user: UserFact | None) -> Problem | None:
    if user is None:
        return None
    if user.external_id != wanted.external_id:
        return Problem(
            "external_id_exists", "external_id",
            f"{wanted.external_id} differs only by case from the existing customer {user.external_id}.",
            "Write it as it stands there, or choose another external_id.",
        )  # fmt: skip
    if wanted.email and user.email.lower() != wanted.email.lower():
        return Problem(
            "external_id_exists", "external_id",
            f"The customer {wanted.external_id} exists with another address than {mask_email(wanted.email)}.",
            "Correct the row, or change the address in the admin; an import never overwrites.",
        )  # fmt: skip
    return None


def _user_exists(wanted: Wanted) -> tuple[Problem, ...]:
    hint = "--skip-existing adopts what agrees and completes what is half done."
    by_email = Problem("email_exists", "email", f"{mask_email(wanted.email)} has a customer already.", hint)
    by_id = Problem(
        "external_id_exists", "external_id", f"The customer {wanted.external_id} exists already.", hint
    )
    return (by_email, by_id) if wanted.email else (by_id,)


def check_mapping(wanted: Wanted, world: World) -> Verdict:
    mapping = world.mappings.get(wanted.id_tag.lower()) if wanted.id_tag else None
    if mapping is None:
        return NEW
    shown = mask_id_tag(wanted.id_tag)
    if world.users_by_pk[mapping.user_pk].external_id != wanted.external_id:
        problem = Problem(
            "id_tag_exists", "id_tag", f"The idTag {shown} belongs to another customer.",
            "An import never moves a card. Correct the row, or remove the idTag there first.",
        )  # fmt: skip
        return Verdict(None, problems=(problem,))
    exists = Problem(
        "id_tag_exists", "id_tag", f"The idTag {shown} is this customer's already.",
        "--skip-existing adopts what agrees and completes what is half done.",
    )  # fmt: skip
    return Verdict(Action.ADOPT, ref=str(mapping.pk), key=mapping.id_tag, exists=(exists,))


def mapping_of(wanted: Wanted, world: World) -> MappingFact | None:
    return world.mappings.get(wanted.id_tag.lower()) if wanted.id_tag else None

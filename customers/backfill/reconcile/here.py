"""What diverges in our own database: customers, and the idTags that are theirs."""

from collections.abc import Iterator, Mapping

from customers.backfill.ledger.recorded import Recorded
from customers.models import BackfillRun, BackfillStep, IdTagMapping
from kernel import Divergence, StepName
from kernel.masking import mask_id_tag

State = BackfillStep.State
HERE = (State.CREATED, State.ADOPTED, State.SHARED)
AGAIN = "Run the same file again with --skip-existing: it is made again."


def diverging_here(one: Recorded, extra: dict[int, list[str]]) -> Iterator[tuple[StepName, Divergence]]:
    """Compare a row; `extra` is what `extra_mappings` found."""
    if one.row.outcome in ("", "failed"):
        return
    if _stands(one) and one.row.user is None:
        yield StepName.USER, Divergence("missing", "a customer", "none", AGAIN)
    elif one.state(StepName.USER) in (State.CREATED, State.ADOPTED) and one.row.user is not None:
        yield from _user(one, extra)
    if one.state(StepName.ID_TAG_MAPPING) in HERE:
        yield from ((StepName.ID_TAG_MAPPING, divergence) for divergence in _mapping(one))


def _stands(one: Recorded) -> bool:
    """Tell whether the row answers for its customer; a further card does while its own mapping stands."""
    state = one.state(StepName.USER)
    return state in HERE and (state != State.SHARED or one.state(StepName.ID_TAG_MAPPING) in HERE)


def _user(one: Recorded, extra: dict[int, list[str]]) -> Iterator[tuple[StepName, Divergence]]:
    user = one.row.user
    if user is None:
        return
    if user.external_id != one.external_id:
        remedy = "Correct the external_id of the customer, or of Lago."
        yield StepName.USER, Divergence("other_key", one.external_id, user.external_id or "none", remedy)
    if not user.is_active:
        remedy = "Activate the customer in the admin, if that was not on purpose."
        yield StepName.USER, Divergence("inactive", "active", "inactive", remedy)
    if user.pk in extra:
        shown = ", ".join(extra[user.pk])
        remedy = "Made by hand, or by no run that is known. Remove it if it should not be there."
        yield StepName.ID_TAG_MAPPING, Divergence("extra", "the idTags of the run", f"also {shown}", remedy)


def _mapping(one: Recorded) -> Iterator[Divergence]:
    mapping = one.row.mapping
    if mapping is None:
        yield Divergence("missing", "a mapping", "none", AGAIN)
        return
    if one.row.user_id is not None and mapping.user_id != one.row.user_id:
        remedy = "Sessions are billed to that customer. Move it back, or correct the file."
        yield Divergence("other_owner", one.external_id, "another customer", remedy)
    if not mapping.is_active:
        remedy = "Sessions with this idTag are not billed. Activate it, if it was not on purpose."
        yield Divergence("inactive", "active", "inactive", remedy)
    number = one.steps[StepName.STEVE_ID_TAG].ref if one.state(StepName.STEVE_ID_TAG) in HERE else ""
    if number and str(mapping.steve_ocpp_tag_pk) != number:
        remedy = "Its sessions do not show for the customer. Run the same file again with --skip-existing."
        known = str(mapping.steve_ocpp_tag_pk or "none")
        yield Divergence("other_number", f"number {number} in SteVe", f"number {known}", remedy)


def extra_mappings(run: BackfillRun) -> dict[int, list[str]]:
    """Find idTags that customers of the run have, and that no run knows of."""
    extra: dict[int, list[str]] = {}
    unknown = IdTagMapping.objects.filter(user__backfill_rows__run=run, backfill_rows__isnull=True).distinct()
    for user_pk, id_tag in unknown.values_list("user_id", "id_tag").order_by("pk"):
        extra.setdefault(user_pk, []).append(mask_id_tag(id_tag))
    return extra


def billed_elsewhere(one: Recorded, keys: Mapping[str, str]) -> Divergence | None:
    """Tell of sessions that would not be billed to the customer's subscription; `keys` names it."""
    mapping, key = one.row.mapping, keys.get(one.external_id, "")
    if one.state(StepName.ID_TAG_MAPPING) not in HERE or mapping is None or not key:
        return None
    billed = mapping.lago_subscription_external_id
    if mapping.user_id != one.row.user_id or billed in ("", key):
        return None
    remedy = "Sessions are billed to that subscription. Correct the mapping, if it was not on purpose."
    return Divergence("other_subscription", f"billed to {key}", f"billed to {billed}", remedy)

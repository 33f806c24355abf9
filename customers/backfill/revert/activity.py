"""Find customers who did something after the run: what a revert must never remove without being told to."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import timedelta

from django.db.models import Q

from billing.values import Subscription
from charging import Transaction
from customers.backfill.engine.plan import CLOCK_TOLERANCE
from customers.backfill.engine.world import chunks
from customers.backfill.ledger.recorded import Recorded
from customers.backfill.ledger.staging import email_digest
from customers.backfill.systems import Systems
from customers.models import BackfillRun, BackfillStep, IdTagMapping
from kernel import StepName

Activity = Mapping[str, Sequence[str]]
State = BackfillStep.State
HAS_TAG = (State.CREATED, State.ADOPTED, State.INTENDED, State.KEPT)


def find_activity(
    run: BackfillRun,
    recorded: Sequence[Recorded],
    systems: Systems,
    sessions: Mapping[str, Sequence[Transaction]],
) -> Activity:
    """Give, by external_id, what happened since the run; customers to whom nothing happened are absent.

    Reads in bulk; raises RemoteError. `recorded` are the rows of which something is to be removed, `sessions`
    what `sessions_by_tag` gave for them.
    """
    active: dict[str, list[str]] = defaultdict(list)
    for one in recorded:
        for reason in _here(run, one):
            active[one.external_id].append(reason)
    for external_id, reason in [
        *_later_runs(run, recorded),
        *_other_mappings(run, recorded),
        *_in_lago(recorded, systems),
        *_in_steve(run, recorded, sessions),
    ]:
        active[external_id].append(reason)
    return {external_id: list(dict.fromkeys(reasons)) for external_id, reasons in active.items()}


def _here(run: BackfillRun, one: Recorded) -> list[str]:
    mapping, user = one.row.mapping, one.row.user
    reasons = []
    if mapping and mapping.user_id != one.row.user_id:
        reasons.append("gave an idTag away")
    if user is None or one.state(StepName.USER) == State.SHARED:
        return reasons
    if user.last_login and user.last_login >= run.started_at:  # who was adopted may have been before
        reasons.append("signed in")
    if one.row.email_digest and one.row.email_digest != email_digest(run.run_id, user.email):
        reasons.append("changed the address")
    return reasons


def _later_runs(run: BackfillRun, recorded: Sequence[Recorded]) -> list[tuple[str, str]]:
    found = []
    for some in chunks({one.external_id for one in recorded}):
        made_or_altered = Q(state__in=[State.CREATED, State.INTENDED]) | Q(state=State.ADOPTED) & ~Q(undo={})
        later = BackfillStep.objects.filter(
            made_or_altered, row__external_id__in=some, row__run_id__gt=run.pk
        )
        for external_id, run_id in later.values_list("row__external_id", "row__run__run_id").distinct():
            found.append((external_id, f"touched by the later run {run_id}"))
    return found


def _other_mappings(run: BackfillRun, recorded: Sequence[Recorded]) -> list[tuple[str, str]]:
    """An idTag that somebody gave the customer by hand, or that a later run gave."""
    found = []
    for some in chunks({one.row.user_id for one in recorded if one.row.user_id}):
        since = IdTagMapping.objects.filter(user_id__in=some, created_at__gte=run.started_at)
        others = since.exclude(backfill_rows__run=run)
        found += [
            (external_id or "", "has other idTags")
            for external_id in others.values_list("user__external_id", flat=True).distinct()
        ]
    return found


def _in_lago(recorded: Sequence[Recorded], systems: Systems) -> list[tuple[str, str]]:
    customers = _with(recorded, StepName.LAGO_CUSTOMER)
    subscribed = {one.external_id: one for one in recorded if _made(one, StepName.LAGO_SUBSCRIPTION)}
    found: list[tuple[str, str]] = []
    keys = {one.wanted.subscription_external_id: external_id for external_id, one in subscribed.items()}
    for key, number in systems.lago.events_of(keys).items():
        if number:
            found.append((keys[key], f"usage events in Lago: {number}"))
    for external_id, number in systems.lago.invoices_of(customers).items():
        if number:
            found.append((external_id, f"invoices in Lago: {number}"))
    live = systems.lago.subscriptions_of(set(subscribed) | customers)
    for external_id, subscriptions in live.items():
        found += [
            (external_id, reason) for reason in _changed(external_id, subscribed, customers, subscriptions)
        ]
    return found


def _changed(
    external_id: str, subscribed: Mapping[str, Recorded], customers: set[str], live: Sequence[Subscription]
) -> list[str]:
    """Tell of what the customer has now; a downgrade waits as a second one under the same id."""
    one = subscribed.get(external_id)
    key = one.wanted.subscription_external_id if one else ""
    theirs = [s for s in live if s.external_customer_id == external_id]
    ours = [s for s in theirs if s.external_id == key]
    reasons = []
    if one and (plans := {s.plan_code for s in ours} - {one.wanted.plan_code}):
        reasons.append(f"changed the plan to {', '.join(sorted(plans))}")
    elif one and ours and _ref(one, ours) not in {s.lago_id for s in ours}:
        reasons.append("has another subscription under the same id")
    if external_id in customers and len(theirs) > len(ours):
        reasons.append("has other subscriptions in Lago")
    return reasons


def _ref(one: Recorded, ours: Sequence[Subscription]) -> str:
    """Give Lago's id of the run's subscription; where the run never heard it, the one that is there is it."""
    return one.steps[StepName.LAGO_SUBSCRIPTION].ref or ours[0].lago_id


def sessions_by_tag(
    run: BackfillRun, recorded: Sequence[Recorded], systems: Systems
) -> Mapping[str, Sequence[Transaction]]:
    """Give the newer charging sessions of the rows' idTags, by SteVe's number, in one call."""
    tags = {one.steps[StepName.STEVE_ID_TAG].ref for one in recorded if _has_tag(one)}
    found: dict[str, list[Transaction]] = defaultdict(list)
    if systems.steve is None or not tags:
        return found
    for session in systems.steve.transactions(since=run.started_at - timedelta(days=1)):
        if str(session.ocpp_tag_pk) in tags:
            found[str(session.ocpp_tag_pk)].append(session)
    return found


def _in_steve(
    run: BackfillRun, recorded: Sequence[Recorded], sessions: Mapping[str, Sequence[Transaction]]
) -> list[tuple[str, str]]:
    """A session that ended before the run was over before anybody could be billed for it."""
    began = run.started_at - CLOCK_TOLERANCE
    return [
        (one.external_id, "charged since")
        for one in recorded
        for session in sessions.get(one.steps[StepName.STEVE_ID_TAG].ref if _has_tag(one) else "", ())
        if session.stopped_at is None or session.stopped_at >= began
    ]


def _has_tag(one: Recorded) -> bool:
    return one.state(StepName.STEVE_ID_TAG) in HAS_TAG


def _with(recorded: Sequence[Recorded], name: StepName) -> set[str]:
    return {one.external_id for one in recorded if _made(one, name)}


def _made(one: Recorded, name: StepName) -> bool:
    return one.state(name) in (State.CREATED, State.INTENDED)

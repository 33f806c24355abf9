"""What speaks against a repair: what somebody did on purpose, and what is not as it has to be for it."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from auditlog.models import AuditEntry
from customers.backfill.ledger.recorded import Recorded
from customers.backfill.reconcile import Found
from customers.backfill.revert.activity import later_runs
from customers.backfill.steps import kinds, label
from customers.models import BackfillRun
from kernel import Per, Step
from kernel.chunks import chunks

MISSING, INACTIVE, UNREPAIRED, NOT_IMPORTED = "missing", "inactive", "unrepaired", "not_imported"
ON_PURPOSE = (MISSING, INACTIVE)  # what somebody may have meant
CHANGED = "customer.changed"
SWITCHED = "idtagmapping.changed"  # the console changes nothing of a card but whether it is in use


@dataclass(slots=True)
class Objections:
    """By customer and by line: what is not as it has to be, and what somebody did."""

    of_customer: dict[str, str] = field(default_factory=dict)
    of_line: dict[int, str] = field(default_factory=dict)
    switched: Mapping[str, str] = field(default_factory=dict)
    later: Mapping[str, str] = field(default_factory=dict)
    with_others: set[str] = field(default_factory=set)  # customers who have idTags that no run knows

    def against(self, one: Recorded, kinds_found: Collection[str]) -> str:
        """Say why a row is not to be touched; blank where nothing speaks against it."""
        who = one.external_id
        if why := self.of_customer.get(who) or self.of_line.get(one.line):
            return why
        if INACTIVE in kinds_found and who in self.switched:
            return f"{self.switched[who]} Activate it in the console if that was not on purpose."
        if who in self.later and any(kind in kinds_found for kind in ON_PURPOSE):
            return (
                f"The customer was {self.later[who]}: what is missing may have been replaced. Look at that."
            )
        if MISSING in kinds_found and who in self.with_others:
            return (
                "The customer has an idTag that no run knows: it may have replaced this one. If both are to"
                " charge, import a file with this row alone and --skip-existing."
            )
        return ""


def is_safe(one: Found, steps: Mapping[str, Step]) -> bool:
    """Return whether a divergence is of a kind that its step lets a repair put right.

    What the run only adopted it did not make, and so does not make again.
    """
    step = steps.get(one.step)
    if step is None or not step.repairs:
        return False
    if one.divergence.kind == UNREPAIRED:
        return True
    return one.divergence.kind in step.repairs and not (one.adopted and one.divergence.kind == MISSING)


def objections(run: BackfillRun, found: Iterable[Found], steps: Mapping[str, Step]) -> Objections:
    """Gather all of it, in a few queries."""
    told = Objections()
    found = list(found)
    for one in found:
        if one.divergence.kind == "extra":
            told.with_others.add(one.external_id)
        if not is_safe(one, steps) and not _is_harmless(one, steps):
            _object(told, one)
    customers = {one.external_id for one in found if is_safe(one, steps)}
    told.switched = switched_cards(run, customers)
    later: dict[str, list[str]] = defaultdict(list)
    for external_id, words in later_runs(run, customers):
        later[external_id].append(words)
    told.later = {external_id: "; ".join(sorted(words)) for external_id, words in later.items()}
    return told


def _object(told: Objections, one: Found) -> None:
    """Let what is wrong with a customer speak against all their cards, and with a card against it alone."""
    kind, told_of = one.divergence.kind, one.divergence
    why = f"{_capital(label(one.step))}: {told_of.found}, not {told_of.expected}. Settle that first."
    if kind == NOT_IMPORTED:
        told.of_line.setdefault(one.line, "The row was not imported. Finish the import first.")
    elif kinds()[one.step].per is Per.CUSTOMER:
        told.of_customer.setdefault(one.external_id, why)
    else:
        told.of_line.setdefault(one.line, why)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _is_harmless(one: Found, steps: Mapping[str, Step]) -> bool:
    step, kind = steps.get(one.step), one.divergence.kind
    return kind.endswith("_drifted") or (step is not None and kind in step.harmless)


def switched_cards(run: BackfillRun, external_ids: Iterable[str]) -> dict[str, str]:
    """Say who switched a card of these customers in the console since the run, and when: the last time."""
    return _in_console(run, external_ids, SWITCHED, "A card of this customer was switched")


def changed_customers(run: BackfillRun, external_ids: Iterable[str]) -> dict[str, str]:
    """Say who changed these customers in the console since the run, and when: the last time."""
    return _in_console(run, external_ids, CHANGED, "The customer was changed")


def _in_console(run: BackfillRun, external_ids: Iterable[str], action: str, what: str) -> dict[str, str]:
    told: dict[str, str] = {}
    for some in chunks(external_ids):
        subjects = [f"customer:{external_id}" for external_id in some]
        entries = AuditEntry.objects.filter(subject__in=subjects, action=action, at__gte=run.started_at)
        for subject, actor, at in entries.order_by("pk").values_list("subject", "actor", "at"):
            told[subject.removeprefix("customer:")] = (
                f"{what} in the console by {actor} on {at:%Y-%m-%d %H:%M} UTC."
            )
    return told

"""Cards that SteVe blocks, and that the platform's next sync opens: nobody has to decide anything of them."""

from collections.abc import Iterable, Sequence

from customers.backfill.reconcile import Found
from customers.backfill.repair.values import Doing
from customers.backfill.settling_in import CARD, MAPPING
from customers.backfill.systems import Systems
from customers.models import BackfillRun, BackfillStep
from polaris import PlatformDatabase, mappings

BLOCKED = "blocked"


def waiting_for_sync(
    run: BackfillRun, systems: Systems, found: Iterable[Found], doings: Iterable[Doing]
) -> list[Found]:
    """Return those whose mapping this repair puts to use on the platform, or has since its last sync."""
    blocked = [one for one in found if one.step == CARD and one.divergence.kind == BLOCKED]
    if systems.platform is None or not blocked:
        return []
    mended = {doing.line for doing in doings if doing.step == MAPPING}
    mended |= _unseen(run, systems.platform, [one.line for one in blocked])
    return [one for one in blocked if one.line in mended]


def _unseen(run: BackfillRun, platform: PlatformDatabase, lines: Sequence[int]) -> set[int]:
    """Return the lines whose mapping is in use, and was changed since the last sync began."""
    steps = BackfillStep.objects.filter(row__run=run, row__line__in=lines, name=MAPPING).exclude(ref="")
    by_number = {int(ref): line for ref, line in steps.values_list("ref", "row__line")}
    return {by_number[number] for number in mappings.unseen(platform, by_number)}

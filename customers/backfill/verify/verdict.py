"""All checks of a run, one after the other."""

from collections.abc import Callable, Iterable, Iterator

from customers.backfill.cards import count_alike
from customers.backfill.engine.stop import Stop
from customers.backfill.reconcile import reconcile
from customers.backfill.systems import Systems
from customers.backfill.verify.asked import LiveTest
from customers.backfill.verify.checks import (
    Check,
    cards_check,
    import_check,
    invoiced_check,
    metric_check,
    people_check,
    refused_at_import,
    refused_check,
    system_checks,
)
from customers.backfill.verify.live import CHARGING, Diary, run_live_test
from customers.models import BackfillRun

HOW_TO_CHARGE = "give --id-tag and --charge-box to try one"


def verdict_of(checks: Iterable[Check], *, interrupted: bool) -> str:
    """Return `go`, `no-go`, or `none` of what was broken off before anything failed."""
    if any(check.passed is False for check in checks):
        return "no-go"
    return "none" if interrupted else "go"


def verify(
    run: BackfillRun,
    systems: Systems,
    test: LiveTest | None,
    *,
    stop: Stop,
    tell: Callable[[str], None],
    diary: Diary | None = None,
    how_to_charge: str = HOW_TO_CHARGE,
) -> Iterator[Check]:
    """Return the checks as they are made; `tell` hears what is being waited for.

    Only the test writes, and only where all before it is well. Raises Refused and RemoteError until it has,
    and nothing from then on. `diary` is told before and after it writes.
    """
    failed = []
    for check in _looks(run, systems):
        yield check
        failed += [check.name] if check.passed is False else []
    if test is None:
        yield Check(CHARGING, None, "", how_to_charge)
    elif not stop.requested:
        yield from run_live_test(test, systems, failed, stop=stop, tell=tell, diary=diary or Diary())


def _looks(run: BackfillRun, systems: Systems) -> Iterator[Check]:
    """Make the checks that only look."""
    result = reconcile(run, systems)
    refused = refused_at_import(run)
    yield import_check(result)
    yield people_check(run, result, refused)
    if refused:
        yield refused_check(refused)
    yield from system_checks(run, result, systems)
    yield metric_check(run, systems)
    if cards := cards_check(count_alike(run, systems)):
        yield cards
    if result.invoiced.number:
        yield invoiced_check(result)

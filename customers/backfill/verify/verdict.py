"""All checks of a run, one after the other."""

from collections.abc import Callable, Iterator

from customers.backfill.engine.stop import Stop
from customers.backfill.reconcile import reconcile
from customers.backfill.systems import Systems
from customers.backfill.verify.checks import (
    Check,
    import_check,
    metric_check,
    people_check,
    system_checks,
)
from customers.backfill.verify.live import LiveTest, run_live_test
from customers.models import BackfillRun


def verify(
    run: BackfillRun, systems: Systems, test: LiveTest | None, *, stop: Stop, tell: Callable[[str], None]
) -> Iterator[Check]:
    """Return the checks as they are made; `tell` hears what is being waited for.

    Only the test writes. Raises Refused and RemoteError until it has, and nothing from then on.
    """
    result = reconcile(run, systems)
    yield import_check(result)
    yield people_check(run, result)
    yield from system_checks(run, result, systems)
    yield metric_check(run, systems)
    if test is None:
        yield Check("charging session", None, "", "give --id-tag and --charge-box to try one")
    elif not stop.requested:
        yield from run_live_test(test, systems, stop=stop, tell=tell)

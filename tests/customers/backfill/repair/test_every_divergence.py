"""Whatever somebody changed in Lago or here: a repair changes nothing in Lago, and opens no card unpaid."""

from collections.abc import Callable

import pytest

from customers.models import BackfillRun, IdTagMapping
from rehearsal.lago import Sandbox
from tests.customers.backfill.reconcile.test_tampering import HERE, IN_LAGO, Divergences
from tests.customers.backfill.repair.world import repaired
from tests.customers.undoing import divergences
from tests.rehearsal.lago.calls import Caller

pytestmark = pytest.mark.django_db
PUT_RIGHT = {
    ("C-3", "id_tag_mapping", "inactive")
}  # a missing one is known to nobody else: SteVe is not there
STANDS = ("_drifted",)  # of these alone a card may be put to use again


@pytest.mark.parametrize(("tamper", "expected"), IN_LAGO.values(), ids=IN_LAGO)
def test_what_was_changed_in_lago_stays_as_it_is_and_is_told(
    imported: Sandbox, by_hand: Caller, tamper: Callable[[Caller], object], expected: Divergences
) -> None:
    run = BackfillRun.objects.latest("pk")
    tamper(by_hand)
    IdTagMapping.objects.update(is_active=False)
    in_lago, journal = imported.state(), imported.journal()

    report = repaired(run)

    barred = {who for who, _, kind in expected if not kind.endswith(STANDS)}
    off = set(IdTagMapping.objects.filter(is_active=False).values_list("user__external_id", flat=True))
    told = {(one.found.external_id, one.found.step, one.found.divergence.kind) for one in report.plan.advice}
    assert (imported.state(), imported.journal()) == (in_lago, journal)
    assert off == barred
    assert told == expected | {(who, "id_tag_mapping", "inactive") for who in barred}


@pytest.mark.parametrize(("tamper", "expected"), HERE.values(), ids=HERE)
def test_of_what_was_changed_here_only_a_card_out_of_use_is_put_right(
    imported: Sandbox, tamper: Callable[[], object], expected: Divergences
) -> None:
    run, in_lago = BackfillRun.objects.latest("pk"), imported.state()
    tamper()

    report = repaired(run)

    assert divergences() == expected - PUT_RIGHT
    assert (report.status == "repaired") == (expected == PUT_RIGHT)
    assert all(one.todo for one in report.plan.advice)
    assert imported.state() == in_lago

"""What is in stays in: a refusal that came later holds only for what would be new."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from customers.models import BackfillRow, BackfillRun, IdTagMapping, User, email_digest
from rehearsal.lago import Sandbox
from tests.customers.backfill.steve.world import divergences, reverted, run_of
from tests.customers.factories import actions, codes, imported, planned, row

pytestmark = pytest.mark.django_db

ODD = "'customer1@example.com"


def _leave_address() -> None:
    User.objects.update(email=ODD)
    BackfillRow.objects.update(email_digest=email_digest(BackfillRun.objects.get().run_id, ODD))


def _leave_card(id_tag: str) -> None:
    IdTagMapping.objects.update(id_tag=id_tag)


# What is refused today of a new customer, and how a version that took it left it here.
TAKEN: dict[str, tuple[dict[str, Any], Callable[[], None]]] = {
    "an address": ({"email": ODD}, _leave_address),
    "a card": ({"id_tag": "1-Mar"}, partial(_leave_card, "1-Mar")),
    "a placeholder as a card": ({"id_tag": "n-a"}, partial(_leave_card, "n-a")),
}


@pytest.mark.parametrize("kind", TAKEN)
def test_what_would_be_refused_today_is_repeated_reconciled_and_taken_back(lago: Sandbox, kind: str) -> None:
    changes, leave = TAKEN[kind]
    new = [row(1, **changes)]
    assert codes(planned(new)) == ["value_damaged"]
    report = imported([row(1)])
    leave()

    again = imported(new, skip_existing=True)

    assert (codes(again), actions(again)) == ([], ["skipped"])
    assert divergences(run_of(again)) == []
    reverted(run_of(report))
    assert not User.objects.exists()

"""idTags that SteVe has in a spelling that cannot be ours: the plan says so before anything is written."""

import pytest

from customers.models import User
from rehearsal.steve import SteveSandbox
from tests.customers.backfill.steve.world import tags
from tests.customers.factories import actions, codes, imported, planned, rows

pytestmark = pytest.mark.django_db

CODE = "steve_id_tag_unusable"


@pytest.mark.parametrize("skip_existing", [False, True])
@pytest.mark.parametrize("there", ["TAG0001 ", "T\u00c1G0001", "tag0001  "])
def test_the_plan_says_it_and_the_run_writes_nothing(
    steve: SteveSandbox, there: str, skip_existing: bool
) -> None:
    steve.world.add_tag(there)
    before = tags(steve)

    plan, report = (made(rows(2), skip_existing=skip_existing) for made in (planned, imported))

    assert codes(plan) == codes(report) == [CODE]
    assert (plan.status, report.status) == ("would_fail", "would_fail")
    assert (tags(steve), User.objects.count()) == (before, 0)


def test_the_good_rows_go_in_beside_it(steve: SteveSandbox) -> None:
    steve.world.add_tag("TAG0001 ", max_active_transaction_count=0)

    plan = planned(rows(2), skip_existing=True)
    report = imported(rows(2), skip_existing=True, allow_partial=True)

    assert (actions(plan), actions(report)) == (["fail", "create"], ["failed", "created"])
    assert list(tags(steve)) == ["TAG0001 ", "TAG0002"]
    assert tags(steve)["TAG0001 "]["blocked"]


def test_it_goes_in_once_it_is_deleted_in_steve(steve: SteveSandbox) -> None:
    steve.world.add_tag("TAG0001 ")
    imported(rows(1))
    steve.world.delete_tag(1)

    assert imported(rows(1)).status == "succeeded"

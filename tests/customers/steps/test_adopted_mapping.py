"""An inactive mapping of before: a run lets it bill, and a revert gives it back as it was."""

import pytest

from customers.models import IdTagMapping
from rehearsal.lago import Sandbox
from tests.customers.factories import actions, customer, imported, mapping, row
from tests.customers.undoing import reverted

pytestmark = pytest.mark.django_db


def values() -> dict[str, object]:
    return IdTagMapping.objects.values("id_tag", "is_active", "lago_subscription_external_id", "user").get()


def test_an_inactive_mapping_bills_after_the_run_and_is_inactive_after_the_revert(lago: Sandbox) -> None:
    mapping(customer(1), 1, is_active=False, lago_subscription_external_id="")
    before = values()

    report = imported([row(1)], skip_existing=True)
    during = values()
    undone = reverted()

    assert actions(report) == ["created"]
    assert during["is_active"]
    assert undone.status == "reverted"
    assert values() == before
    assert lago.state(live=True)["customers"] == []

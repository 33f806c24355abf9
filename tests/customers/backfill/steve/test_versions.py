"""Each version of SteVe that is supported: an import, a session that is billed, a revert."""

from collections.abc import Iterator
from typing import Any

import pytest

from rehearsal.lago import Sandbox
from rehearsal.steve import SteveSandbox
from tests.charging.factories import NEXT_YEAR, charged
from tests.customers.backfill.steve.world import CHARGE_BOX, divergences, reverted, tags
from tests.customers.backfill.verify.world import AND_CHARGE, run_over, verified
from tests.customers.factories import rows

pytestmark = pytest.mark.django_db


@pytest.fixture(params=["3.7", "3.8", "3.9", "3.12", "3.14", "3.15"])
def steve(request: pytest.FixtureRequest, settings: Any, lago: Sandbox) -> Iterator[SteveSandbox]:
    with SteveSandbox(
        version=request.param, charge_boxes=[CHARGE_BOX], lago_url=lago.url, lago_key=lago.key
    ) as sandbox:
        for name, value in sandbox.variables().items():
            setattr(settings, name, value)
        yield sandbox


def test_it_is_imported_into_billed_from_and_left_as_it_was(steve: SteveSandbox, lago: Sandbox) -> None:
    steve.world.add_tag("FLEET")
    blocked = {"max_active_transaction_count": 0, "parent_id_tag": "FLEET", "expiry_date": NEXT_YEAR}
    steve.world.add_tag("TAG0002", note="", **blocked)
    before = tags(steve)

    run = run_over(rows(4), steve, skip_existing=True)
    code, _ = verified(run, *AND_CHARGE)
    charged(steve, "TAG0003")
    undone = reverted(run, discard_activity=True)

    left = tags(steve)
    assert (code, undone.status) == (0, "reverted")
    assert {name: tag["blocked"] for name, tag in left.items()} == {
        "FLEET": False,
        "TAG0001": True,  # they charged, so they are kept with their history
        "TAG0002": True,
        "TAG0003": True,
    }
    assert {name: left[name] for name in before} == before
    assert lago.state(live=True)["customers"] == []
    assert divergences(run) == []

"""The customers that are imported and reverted while things go wrong, and what the world looks like then."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db.models import F

from customers.backfill.ledger import at_work
from customers.backfill.refused import Refused
from customers.models import BackfillRow, BackfillRun, BackfillStep, IdTagMapping, User
from kernel import RemoteError
from rehearsal.lago import Sandbox
from tests.customers import factories
from tests.customers.factories import Row
from tests.support import tables
from tests.support.processes import wait_for

IN_ADVANCE = "prepaid:900:EUR:monthly:advance"


def twelve_rows() -> list[Row]:
    """Ten customers: one has three cards, in three batches of five; others are prepaid, or start later.

    One exists in Lago already, one here; one has a dot in its id, which Lago's addresses treat specially.
    """
    rows = factories.rows(12)
    for number in (7, 11):
        rows[number - 1] = factories.row(3, id_tag=f"TAG{number:04}")
    rows[3]["plan_code"] = rows[9]["plan_code"] = "prepaid"
    rows[8]["start_date"] = "2030-01-01"
    rows[9]["external_id"] = "C.10"
    return rows


def seven_rows() -> list[Row]:
    """The same kinds of customers, one of each."""
    rows = twelve_rows()
    return [rows[number - 1] for number in (1, 3, 5, 7, 8, 9, 10)]


def furnish(lago: Sandbox) -> None:
    """Put what was there before any run."""
    lago.put_plans(IN_ADVANCE)
    factories.lago_customer(lago, 5)
    factories.customer(8)


def here() -> dict[str, Any]:
    """All of our database that an operator cares about: without keys, times and the audit log."""
    return {**people(), **ledger()}


def people() -> dict[str, Any]:
    mapping = ("id_tag", "user__external_id", "is_active", "lago_subscription_external_id")
    return {
        "users": list(
            User.objects.order_by("email").values("email", "display_name", "external_id", "is_active", "role")
        ),
        "mappings": list(IdTagMapping.objects.order_by("id_tag").values(*mapping)),
    }


def ledger() -> dict[str, Any]:
    """The runs. A row that was taken up again says `completed` for ever: that is history, and it stands."""
    rows = BackfillRow.objects.order_by("run", "line").values(
        "line", "external_id", "plan_code", "subscription_at", "outcome", "problems",
        owner=F("user__external_id"), id_tag=F("mapping__id_tag"),
    )  # fmt: skip
    stands = {"completed": "created"}
    steps = BackfillStep.objects.order_by("row__run", "row__line", "name")
    return {
        "runs": list(BackfillRun.objects.order_by("pk").values("status", "reason", "input_name")),
        "rows": [{**row, "outcome": stands.get(row["outcome"], row["outcome"])} for row in rows],
        "steps": list(steps.values("row__line", "name", "state", "undo", "code")),
    }


def refs_are_true(lago: Sandbox) -> bool:
    """Tell whether the ledger knows each Lago thing by the id that it has."""
    state = lago.state(volatile=True)
    tables = ("customers", "subscriptions", "wallets", "applied_coupons")
    there = {one["lago_id"] for name in tables for one in state[name]}
    recorded = BackfillStep.objects.filter(name__startswith="lago_", state__in=("created", "adopted"))
    return set(recorded.values_list("ref", flat=True)) <= there


@contextmanager
def rehearsal(lago: Sandbox, django_db_blocker: Any) -> Iterator[None]:
    """Let a module's fixture use database and Lago; afterwards both are empty."""
    lago.reset()
    with django_db_blocker.unblock():
        yield
        tables.empty()


def nobody_charges_unbilled(lago: Sandbox) -> bool:
    """Tell whether every idTag that is active has a subscription in Lago to bill to."""
    active = IdTagMapping.objects.filter(is_active=True)
    there = {one["external_id"] for one in lago.state(live=True)["subscriptions"]}
    return set(active.values_list("lago_subscription_external_id", flat=True)) <= there


def is_unbilled(lago: Sandbox) -> bool:
    return lago.journal() == {"invoices": [], "credit_notes": []}


def wait_until_free() -> None:
    """Wait until PostgreSQL has noticed that a killed process is gone, which takes it a moment."""
    wait_for(lambda: not at_work.is_busy())


def wait_for_fault(lago: Sandbox) -> None:
    """Wait until the call that the fault waits for has come, and is in its hands."""
    wait_for(lambda: _fault(lago)["fired"], every_s=0.002)


def goes_well(work: Callable[[], Any]) -> bool:
    """Tell whether it came to a good end, and was not refused either; a bug is raised."""
    try:
        return bool(work().is_well)
    except (Refused, RemoteError):
        return False


def struck(lago: Sandbox) -> bool:
    return bool(_fault(lago)["fired"])


def wait_for_calls(lago: Sandbox, number: int) -> None:
    """Wait until so many calls have come from now on."""
    lago.fault("pause_after,times=0")  # never goes off, and counts
    wait_for(lambda: _fault(lago)["seen"] >= number, every_s=0.001)


def _fault(lago: Sandbox) -> dict[str, Any]:
    (fault,) = lago.steer("GET", "faults")["faults"]
    return dict(fault)


def run_id() -> str:
    """Give the id of the latest run."""
    return BackfillRun.objects.latest("pk").run_id

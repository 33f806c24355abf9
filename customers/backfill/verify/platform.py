"""What verify asks of the platform: that a card bills there, that it syncs soon, its record of a session."""

from collections.abc import Callable
from datetime import datetime

from customers.backfill.systems import Systems
from customers.backfill.verify.asked import LiveTest
from customers.backfill.verify.checks import Check
from kernel import RemoteError
from kernel.masking import mask_id_tag
from polaris import PlatformDatabase, mappings, sync

BILLS = "who pays at the platform"
RECORDED = "session at the platform"
EVENTS = """
SELECT mapping.id, mapping.steve_ocpp_id_tag, mapping.lago_customer_external_id
FROM synced_transaction_events AS event
LEFT JOIN user_mappings AS mapping ON mapping.id = event.user_mapping_id
WHERE event.steve_transaction_id = %s
"""


def bills_there(test: LiveTest, platform: PlatformDatabase) -> Check:
    """Prove that the platform would bill the card to the same subscription, before anything is written."""
    compared = f"{mask_id_tag(test.id_tag)} to {test.subscription_key or 'nothing'}"
    try:
        there = mappings.find(platform, {test.id_tag.lower()}).by_id_tag.get(test.id_tag.lower(), [])
    except RemoteError as error:
        return Check(BILLS, False, compared, f"whether it would cannot be told: {error}")
    exact = next((one for one in there if one.id_tag == test.id_tag and not one.is_of_platform), None)
    if exact is None:
        why = "the platform has no such card" if not there else "the platform spells the card otherwise"
    elif not exact.is_active:
        why = "the platform's card is not active, so nothing is billed"
    elif exact.subscription_key != test.subscription_key:
        why = f"the platform bills it to {exact.subscription_key or 'nothing'}"
    else:
        why = ""
    return Check(BILLS, not why, compared, why)


def nudge(systems: Systems) -> Callable[[], None]:
    """Return what has the platform sync now; of one that syncs hourly nobody would see the end else."""
    platform = systems.platform
    if platform is None:
        return lambda: None
    since: list[datetime] = []

    def have_it_sync() -> None:
        try:
            since[:] = since or [sync.now(platform)]
            sync.wake(platform, since[0])
        except RemoteError:
            return  # the event may come all the same; that it does not, is told

    return have_it_sync


def recorded_there(test: LiveTest, transaction_id: int, platform: PlatformDatabase) -> Check:
    """Check that the platform counts the session to the customer's card."""
    compared = f"transaction {transaction_id}"
    try:
        found = platform.read(EVENTS, [transaction_id])
    except RemoteError as error:
        return Check(RECORDED, False, compared, f"whether it has cannot be told: {error}")
    if not found:
        return Check(RECORDED, False, compared, "the platform has no record of it")
    owners = {external_id for _, _, external_id in found}
    why = "" if owners == {test.external_id} else "the platform counts it to another customer"
    return Check(RECORDED, not why, f"{compared}, of {', '.join(sorted(map(str, owners)))}", why)

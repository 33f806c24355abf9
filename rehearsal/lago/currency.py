"""The currency of a customer: the first thing that has one settles it."""

from rehearsal.lago.errors import invalid_field
from rehearsal.lago.tables import Customer
from rehearsal.lago.world import World


def settle_currency(world: World, customer: Customer, currency: str | None) -> None:
    """Take a currency for the customer's; released versions know no second one."""
    known = customer.columns.get("currency")
    if known is None and currency is None:
        raise invalid_field("currency", "value_is_invalid")
    if known is None:
        customer.columns["currency"] = currency
    elif currency and known != currency and not world.behaviour.mixed_currencies:
        raise invalid_field("currency", "currencies_does_not_match")

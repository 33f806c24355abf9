"""What a row says of a customer's invoices: sent once with a new customer, compared, never overwritten."""

from collections.abc import Iterator, Mapping
from typing import Any

from billing.normal import same_name
from billing.values import FURNITURE, Customer
from kernel import Wanted
from kernel.codes import LOCALES
from kernel.fingerprint import Fingerprint
from kernel.invoice_columns import BILLING_CONFIGURATION, BILLING_DETAILS, LOCALE

CONFIGURATION = "billing_configuration"
# What Lago takes without a word from a provider that it does not know, and connects to nothing.
CONNECTION = ("payment_provider", "payment_provider_code", "provider_customer_id")


def to_send(wanted: Wanted) -> dict[str, Any]:
    """Return what a new customer is sent beside name and address: only what the row has."""
    sent = {column.name: column.of(wanted) for column in BILLING_DETAILS if column.name in wanted.more}
    configuration = {key: value for key, _, value in _configured(wanted)}
    return {**sent, CONFIGURATION: configuration} if configuration else sent


def differing(wanted: Wanted, customer: Customer) -> Iterator[str]:
    """Name the columns of the row in which Lago has something else, or nothing."""
    for key, name, value in _asked(wanted):
        if not _same(value, customer.details.get(key)):
            yield name


def may_be_made(wanted: Wanted, customer: Customer) -> bool:
    """Return whether making the row's customer may have given it all that it has.

    What the row asks for may be missing: Lago sets how a customer is billed after it has made the customer,
    and a version of ours that knew fewer columns may have made it.
    """
    asked = {key: value for key, _, value in _asked(wanted)}
    return all(
        key in asked and _same(asked[key], theirs)
        for key, theirs in customer.details.items()
        if key in FURNITURE or key in asked
    )


def is_connected(sent: Mapping[str, Any], customer: Customer) -> bool:
    """Return whether Lago shows the connection to a payment provider that it was sent, if it was sent one."""
    asked = sent.get(CONFIGURATION, {})
    return all(customer.details.get(key) == asked[key] for key in CONNECTION if key in asked)


def _asked(wanted: Wanted) -> Iterator[tuple[str, str, Any]]:
    """Give of each of the row's values its key in Lago, its column and itself, or its fingerprint."""
    if not wanted.more:
        return
    for column in BILLING_DETAILS:
        if column.name in wanted.more:
            yield column.name, column.name, column.of(wanted)
    yield from _configured(wanted)


def _configured(wanted: Wanted) -> Iterator[tuple[str, str, Any]]:
    """Leave out a language that Lago does not know: it would refuse the customer for it."""
    for key, column in BILLING_CONFIGURATION.items():
        value = column.of(wanted)
        if column.name in wanted.more and (column is not LOCALE or value in LOCALES):
            yield key, column.name, value


def _same(ours: Any, theirs: Any) -> bool:
    if theirs is None:
        return False
    if isinstance(ours, Fingerprint):
        return ours.fits(str(theirs))
    return ours == theirs if isinstance(ours, int) else same_name(ours, str(theirs))

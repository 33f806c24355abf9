"""The optional columns of what an invoice needs, and of the names of cards."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from kernel.codes import COUNTRIES, PAYMENT_PROVIDERS
from kernel.column import Column, Kind
from kernel.step import Per
from kernel.values import Problem, Wanted


def _text(name: str, meaning: str, *also: str) -> Column:
    return Column(name, Kind.TEXT, meaning, also=also, is_personal=True, blank_agrees=True)


LEGAL_NAME = _text(
    "legal_name", "the name of the company on invoices", "company", "company_name", "firm", "organisation"
)
TAX_ID = _text(
    "tax_identification_number", "the number for taxes on invoices, such as a VAT number",
    "tax_id", "tax_number", "tin", "vat", "vat_id", "vat_number", "ust_id", "ust_idnr", "btw_nummer", "nif",
)  # fmt: skip
ADDRESS_LINE1 = _text("address_line1", "street and number", "address", "address_1", "street", "strasse")
ADDRESS_LINE2 = _text("address_line2", "what else the address has", "address_2", "address_addition")
ZIPCODE = _text("zipcode", "the postal code", "zip", "zip_code", "postal_code", "postcode", "plz")
CITY = _text("city", "the town", "town", "ort", "stadt", "ville", "ciudad")
STATE = _text("state", "the state or province", "province", "region", "county")
PHONE = _text("phone", "a telephone number", "telephone", "phone_number", "tel", "mobile")

COUNTRY = Column(
    "country", Kind.CHOICE, "the country as two letters (ISO 3166)", choices=COUNTRIES,
    also=("country_code", "land", "pays"), is_personal=True, blank_agrees=True,
)  # fmt: skip
LOCALE = Column(
    "locale", Kind.LANGUAGE, "the customer's language, of Lago's documents and of our mails and pages",
    also=("language", "lang", "language_code", "sprache"), blank_agrees=True,
)  # fmt: skip
NET_PAYMENT_TERM = Column(
    "net_payment_term", Kind.NUMBER, "in how many days an invoice has to be paid",
    also=("payment_term", "payment_terms", "payment_days", "net_days"), blank_agrees=True,
)  # fmt: skip


def _provider_against(_: str, wanted: Wanted, today: date) -> Problem | None:
    return _incomplete("payment_provider", "provider_customer_id", wanted)


def _needs_provider(name: str) -> Any:
    def against(_: str, wanted: Wanted, today: date) -> Problem | None:
        return _incomplete(name, "payment_provider", wanted)

    return against


def _incomplete(name: str, needed: str, wanted: Wanted) -> Problem | None:
    """Refuse half a connection: Lago would take it, connect nothing, and could not collect the invoice."""
    if needed in wanted.more or needed in wanted.unread:
        return None
    told = f"The row has a {name} and no {needed}, so nothing could be collected."
    return Problem("payment_incomplete", name, told, "Enter both of them in this row, or neither.")


PAYMENT_PROVIDER = Column(
    "payment_provider", Kind.CHOICE, "who collects the invoices, as Lago calls it",
    choices=PAYMENT_PROVIDERS, against=_provider_against, also=("psp", "provider"), blank_agrees=True,
)  # fmt: skip
PAYMENT_PROVIDER_CODE = Column(
    "payment_provider_code", Kind.CODE, "the code of that provider's connection in Lago",
    against=_needs_provider("payment_provider_code"), also=("provider_code",), blank_agrees=True,
)  # fmt: skip
PROVIDER_CUSTOMER_ID = Column(
    "provider_customer_id", Kind.CODE, "the customer's id at that provider",
    against=_needs_provider("provider_customer_id"), also=("psp_customer_id", "stripe_customer_id"),
    is_personal=True, blank_agrees=True,
)  # fmt: skip

CARD_NAME = Column(
    "card_name", Kind.TEXT, "what the card is called on the customer's page, here and on the platform",
    per=Per.CARD, also=("card_label", "tag_name", "token_name", "vehicle", "license_plate"), is_personal=True,
)  # fmt: skip

# What goes to Lago with a new customer, under the same name.
BILLING_DETAILS = (
    LEGAL_NAME, TAX_ID, ADDRESS_LINE1, ADDRESS_LINE2, ZIPCODE, CITY, STATE, COUNTRY, PHONE, NET_PAYMENT_TERM,
)  # fmt: skip
# What Lago keeps of how a customer is billed, by its key there.
BILLING_CONFIGURATION: Mapping[str, Column] = {
    "document_locale": LOCALE,
    "payment_provider": PAYMENT_PROVIDER,
    "payment_provider_code": PAYMENT_PROVIDER_CODE,
    "provider_customer_id": PROVIDER_CUSTOMER_ID,
}
INVOICE_COLUMNS = (*BILLING_DETAILS, *BILLING_CONFIGURATION.values())

"""The plain columns of a customer: which there are, how a sent value is cast, which are refused."""

from rehearsal.lago import emails
from rehearsal.lago.codes import COUNTRIES, CURRENCIES
from rehearsal.lago.params import as_string
from rehearsal.stand_in.messages import Json

SANITISED = ("name", "firstname", "lastname", "legal_name")
TEXTS = (
    *SANITISED,
    "customer_type",
    "country",
    "address_line1",
    "address_line2",
    "state",
    "zipcode",
    "email",
    "city",
    "url",
    "phone",
    "logo_url",
    "legal_number",
    "currency",
    "tax_identification_number",
    "external_salesforce_id",
    "finalize_zero_amount_invoice",
)
ADDRESS_PARTS = ("address_line1", "address_line2", "city", "zipcode", "state", "country")
CUSTOMER_TYPES = ("company", "individual")
ZERO_AMOUNT_CHOICES = ("inherit", "skip", "finalize")
NAME_LENGTH = 255

Problems = dict[str, list[str]]


def cast(sent: Json) -> Json:
    """Return the columns that a payload sets, as they would be stored; unknown keys are dropped."""
    columns: Json = {key: as_string(sent[key]) for key in TEXTS if key in sent and _storable(sent[key])}
    for key in SANITISED:
        if columns.get(key):
            columns[key] = columns[key].replace("\0", "")
    if columns.get("email"):
        columns["email"] = emails.clean(columns["email"])
    for key in ("country", "customer_type"):
        if key in columns:
            columns[key] = columns[key] or None
    if columns.get("country"):
        columns["country"] = columns["country"].upper()
    if "finalize_zero_amount_invoice" in columns:
        columns["finalize_zero_amount_invoice"] = columns["finalize_zero_amount_invoice"] or "inherit"
    if "net_payment_term" in sent:
        columns["net_payment_term"] = sent["net_payment_term"]
    return columns


def shipping(sent: Json) -> Json:
    parts = sent.get("shipping_address")
    if not isinstance(parts, dict):
        return {}
    given = {key: as_string(parts[key]) for key in ADDRESS_PARTS if key in parts}
    if "country" in given:
        given["country"] = (given["country"] or "").upper() or None
    return given


def _storable(value: object) -> bool:
    return value is None or as_string(value) is not None


def problems(changed: Json, *, unicode_emails: bool) -> Problems:
    """Name what is wrong with the columns that change; what stays as it was is not looked at again."""
    found: Problems = {}
    if len(changed.get("name") or "") > NAME_LENGTH:
        found["name"] = ["value_is_too_long"]
    if not emails.acceptable(changed.get("email") or "", unicode=unicode_emails):
        found["email"] = ["invalid_email_format"]
    if changed.get("currency") is not None and changed["currency"] not in CURRENCIES:
        found["currency"] = ["value_is_invalid"]
    if changed.get("customer_type") not in (None, *CUSTOMER_TYPES):
        found["customer_type"] = ["value_is_invalid"]
    if changed.get("country") and changed["country"] not in COUNTRIES:
        found["country"] = ["not_a_valid_country_code"]
    if changed.get("finalize_zero_amount_invoice", "inherit") not in ZERO_AMOUNT_CHOICES:
        found["finalize_zero_amount_invoice"] = ["invalid_value"]
    return found | _payment_term_problems(changed.get("net_payment_term"))


def _payment_term_problems(term: object) -> Problems:
    if term is None:
        return {}
    try:
        days = int(str(term))
    except ValueError:
        return {"net_payment_term": ["is not a number"]}
    return {"net_payment_term": ["value_is_out_of_range"]} if days < 0 else {}

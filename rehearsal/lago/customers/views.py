"""A customer as JSON: the full object, and the shorter one of lists."""

from rehearsal.lago.clock import seconds
from rehearsal.lago.customers.columns import ADDRESS_PARTS, TEXTS
from rehearsal.lago.tables import Customer
from rehearsal.lago.world import World
from rehearsal.stand_in.messages import Json

BILLING_KEYS = (
    "invoice_grace_period",
    "payment_provider",
    "payment_provider_code",
    "document_locale",
    "subscription_invoice_issuing_date_anchor",
    "subscription_invoice_issuing_date_adjustment",
)


def base_json(world: World, customer: Customer) -> Json:
    columns = {key: customer.columns.get(key) for key in (*TEXTS, "net_payment_term")}
    columns["finalize_zero_amount_invoice"] = columns["finalize_zero_amount_invoice"] or "inherit"
    return {
        "lago_id": customer.lago_id,
        "billing_entity_code": customer.billing_entity_code,
        "external_id": customer.external_id,
        "account_type": "customer",
        "sequential_id": customer.sequential_id,
        "slug": f"SAN-0001-{customer.sequential_id:03}",
        "created_at": seconds(customer.created_at),
        "updated_at": seconds(customer.updated_at),
        **columns,
        "timezone": None,
        "applicable_timezone": world.organization.billing_entity_timezone,
        "billing_configuration": _billing_json(customer),
        "shipping_address": {key: customer.shipping_address.get(key) for key in ADDRESS_PARTS},
        "skip_invoice_custom_sections": False,
        "metadata": customer.metadata,
    }


def _billing_json(customer: Customer) -> Json:
    """Tell how the customer is billed; the id at a provider only of who is connected to one."""
    configuration = customer.billing_configuration
    told: Json = {key: configuration.get(key) for key in BILLING_KEYS}
    if configuration.get("payment_provider"):
        told["provider_customer_id"] = configuration.get("provider_customer_id")
    return told


def listed_json(world: World, customer: Customer) -> Json:
    return {**base_json(world, customer), "taxes": [], "integration_customers": []}


def full_json(world: World, customer: Customer) -> Json:
    more: Json = {"applicable_invoice_custom_sections": [], "error_details": []}
    return {**listed_json(world, customer), **more}

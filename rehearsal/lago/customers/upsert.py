"""POST /customers: create, or change exactly the fields whose keys are present."""

from rehearsal.lago.codes import LOCALES, PAYMENT_PROVIDERS
from rehearsal.lago.customers import columns as cols
from rehearsal.lago.customers import metadata
from rehearsal.lago.customers.views import full_json
from rehearsal.lago.errors import internal, invalid_field, not_found, raise_if_any, root_missing
from rehearsal.lago.params import Call, as_string, listed, root
from rehearsal.lago.tables import Customer
from rehearsal.lago.world import World
from rehearsal.stand_in.messages import Json

SETTABLE = (
    "document_locale",
    "subscription_invoice_issuing_date_anchor",
    "subscription_invoice_issuing_date_adjustment",
)


def upsert(world: World, call: Call) -> Json:
    sent = root(call.params, "customer")
    if sent is None:
        raise root_missing("customer")
    external_id = as_string(sent.get("external_id")) or ""
    if "\0" in external_id:
        raise internal()
    known = world.customer(external_id)
    customer = known or build(world, external_id)
    _change(world, customer, sent)
    if known is None:
        world.add_customer(customer)
    world.webhooks.tell("customer.updated" if known else "customer.created", customer)
    _configure_billing(world, customer, sent)
    return {"customer": full_json(world, customer)}


def build(world: World, external_id: str) -> Customer:
    """Make a row that is not in the table yet."""
    now = world.now()
    code = world.organization.billing_entity_code
    return Customer(external_id, world.next_sequential_id(), code, created_at=now, updated_at=now)


def _change(world: World, customer: Customer, sent: Json) -> None:
    """Check everything first: a refused upsert leaves the row as it was."""
    _check_billing_entity(world, sent)
    new = cols.cast(sent)
    changed = {key: value for key, value in new.items() if customer.columns.get(key) != value}
    problems = cols.problems(changed, unicode_emails=world.behaviour.unicode_emails)
    if not customer.external_id.strip():
        problems["external_id"] = ["value_is_mandatory"]
    raise_if_any(problems)
    _check_currency(world, customer, changed)
    items = metadata.replaced(customer.metadata, sent, world.now())
    if listed(sent, "tax_codes"):
        raise not_found("tax")  # the sandbox's organization has no taxes
    address = customer.shipping_address | cols.shipping(sent)
    if changed or items != customer.metadata or address != customer.shipping_address:
        customer.updated_at = world.now()
    customer.columns |= changed
    customer.metadata, customer.shipping_address = items, address


def _check_billing_entity(world: World, sent: Json) -> None:
    code = sent.get("billing_entity_code")
    if code and code != world.organization.billing_entity_code:
        raise not_found("billing_entity")


def _check_currency(world: World, customer: Customer, changed: Json) -> None:
    """Refuse a change of currency once the customer has something in it, as released versions do."""
    has_some = world.subscriptions_of(customer) or world.purses.wallets_of(customer)
    if "currency" in changed and not world.behaviour.mixed_currencies and has_some:
        raise invalid_field("currency", "currencies_does_not_match")


def _configure_billing(world: World, customer: Customer, sent: Json) -> None:
    """Apply after the customer was saved: an error here does not undo the rest, as in Lago."""
    config = sent.get("billing_configuration")
    if not isinstance(config, dict):
        return
    locale = config.get("document_locale")
    if locale and locale not in LOCALES:
        raise invalid_field("document_locale", "not_a_valid_language_code")
    before = customer.billing_configuration
    new = {key: config[key] for key in SETTABLE if key in config} | _connection(world, config)
    if any(before.get(key) != value for key, value in new.items()):
        customer.updated_at = world.now()
    customer.billing_configuration = before | new


def _connection(world: World, config: Json) -> Json:
    """Return what connects the customer to a provider: nothing, without a word, if there is none such."""
    name, code = config.get("payment_provider"), config.get("payment_provider_code")
    known = [one.partition(":")[2] for one in world.organization.payment_providers if _is_of(one, name)]
    if name not in PAYMENT_PROVIDERS or (code not in known if code else len(known) != 1):
        return {}
    customer_id = config.get("provider_customer_id")
    return {
        "payment_provider": name,
        "payment_provider_code": code or known[0],
        "provider_customer_id": customer_id,
    }


def _is_of(provider: str, name: object) -> bool:
    return provider.partition(":")[0] == name

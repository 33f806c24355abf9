"""GET and DELETE of customers."""

from collections.abc import Callable, Sequence

from rehearsal.lago.codes import COUNTRIES, CURRENCIES
from rehearsal.lago.customers.views import full_json, listed_json
from rehearsal.lago.errors import invalid, not_found
from rehearsal.lago.jobs import Job
from rehearsal.lago.paging import page
from rehearsal.lago.params import Call, listed, scalar
from rehearsal.lago.prepaid.ending import end_prepaid
from rehearsal.lago.subscriptions.lifecycle import end_all_of_customer
from rehearsal.lago.tables import Customer
from rehearsal.lago.world import World
from rehearsal.stand_in.messages import Json

Test = Callable[[Customer], bool]
SEARCHED = ("name", "firstname", "lastname", "legal_name", "email")


def find(world: World, external_id: str) -> Customer:
    customer = world.customer(external_id)
    if customer is None:
        raise not_found("customer")
    return customer


def show(world: World, call: Call) -> Json:
    return {"customer": full_json(world, find(world, call.id))}


def delete(world: World, call: Call) -> Json:
    """Delete softly and at once; the subscriptions end, with billing, in a job, and so do the rest."""
    customer = find(world, call.id)
    answer = {"customer": full_json(world, customer)}
    world.delete_customer(customer)
    job = Job("end_relations_of_customer", customer.external_id, lambda: _end_relations(world, customer))
    world.jobs.enqueue(job)
    return answer


def _end_relations(world: World, customer: Customer) -> None:
    end_all_of_customer(world, customer)
    end_prepaid(world, customer)


def index(world: World, call: Call) -> Json:
    tests = _tests(world, call.params)
    candidates = _candidates(world, call.params)
    chosen = [row for row in candidates if all(test(row) for test in tests)] if tests else candidates
    rows, meta = page(chosen, call.params)
    return {"customers": [listed_json(world, row) for row in rows], "meta": meta}


def _candidates(world: World, params: Json) -> Sequence[Customer]:
    """Start from the index where there is one: look-ups must not slow down as the sandbox fills."""
    external_id = _external_id(world, params)
    if not external_id:
        return world.customers.rows()
    customer = world.customer(external_id)
    return [customer] if customer else []


def _external_id(world: World, params: Json) -> str | None:
    return scalar(params, "external_id") if world.behaviour.external_id_filter else None


def _tests(world: World, params: Json) -> list[Test]:
    """Return one test per filter that is set; raise RefusedError for a value that Lago refuses."""
    _check_choices(params)
    if any(code != world.organization.billing_entity_code for code in listed(params, "billing_entity_codes")):
        raise not_found("billing_entity")
    tests = [_any_of(column, values) for column, values in _choices(params).items() if values]
    tests += _metadata_tests(params)
    if scalar(params, "customer_type"):
        tests.append(_any_of("customer_type", [scalar(params, "customer_type") or ""]))
    tests += _presence_tests(params)
    return tests + _search_tests(world, params)


def _search_tests(world: World, params: Json) -> list[Test]:
    term = scalar(params, "search_term")
    if not term or _external_id(world, params):
        return []
    return [lambda row: _mentions(row, term.lower())]


def _mentions(customer: Customer, term: str) -> bool:
    texts = (customer.external_id, *(customer.columns.get(key) or "" for key in SEARCHED))
    return any(term in text.lower() for text in texts)


def _choices(params: Json) -> dict[str, list[str]]:
    return {
        "currency": listed(params, "currencies"),
        "country": listed(params, "countries"),
        "state": listed(params, "states"),
        "zipcode": listed(params, "zipcodes"),
    }


def _check_choices(params: Json) -> None:
    problems: Json = {}
    for name, known in (("currencies", CURRENCIES), ("countries", COUNTRIES)):
        unknown = [at for at, code in enumerate(listed(params, name)) if code not in known]
        if unknown:
            problems[name] = {str(at): ["value_is_invalid"] for at in unknown}
    if problems:
        raise invalid(problems)


def _any_of(column: str, values: list[str]) -> Test:
    return lambda row: row.columns.get(column) in values


def _presence_tests(params: Json) -> list[Test]:
    tests: list[Test] = []
    for name in ("customer_type", "tax_identification_number"):
        wanted = scalar(params, f"has_{name}")
        if wanted in ("true", "false"):
            tests.append(_presence(name, present=wanted == "true"))
    return tests


def _presence(column: str, *, present: bool) -> Test:
    return lambda row: bool(row.columns.get(column)) is present


def _metadata_tests(params: Json) -> list[Test]:
    wanted = params.get("metadata")
    return [_metadata_test(key, value) for key, value in wanted.items()] if isinstance(wanted, dict) else []


def _metadata_test(key: str, value: str) -> Test:
    """An empty value asks for customers without the key."""
    return lambda row: {item["key"]: item["value"] for item in row.metadata}.get(key, "") == value

"""Preflight endpoints: health, readiness, the organization, its billing entity and its metrics."""

from rehearsal.lago.clock import seconds
from rehearsal.lago.errors import not_found
from rehearsal.lago.paging import page
from rehearsal.lago.params import Call
from rehearsal.lago.tables import Metric
from rehearsal.lago.world import FOUNDED, World
from rehearsal.stand_in.messages import Json


def health(world: World, call: Call) -> Json:
    return {
        "version": world.organization.version,
        "github_url": f"https://github.com/getlago/lago-api/tree/{world.organization.version}",
        "message": "Success",
    }


def ready(world: World, call: Call) -> Json:
    return {"status": "ok"}


def show(world: World, call: Call) -> Json:
    it, urls = world.organization, [row.webhook_url for row in world.webhooks.endpoints]
    return {
        "organization": {
            "lago_id": it.lago_id,
            "name": it.name,
            "slug": "sandbox-charging",
            "default_currency": it.currency,
            "created_at": seconds(FOUNDED),
            "webhook_url": urls[0] if urls else None,
            "webhook_urls": urls,
            "timezone": it.timezone,
            "country": None,
            "email": None,
            "events_store": it.events_store,
            "document_numbering": "per_customer",
            "document_number_prefix": "SAN-0001",
            "net_payment_term": 0,
            "finalize_zero_amount_invoice": True,
            "taxes": [],
        }
    }


def billing_entities(world: World, call: Call) -> Json:
    it = world.organization
    entity = {
        "lago_id": it.billing_entity_id,
        "code": it.billing_entity_code,
        "name": it.name,
        "is_default": True,
        "default_currency": it.currency,
        "timezone": it.billing_entity_timezone,
        "document_locale": "en",
        "eu_tax_management": it.eu_tax_management,
        "document_numbering": "per_customer",
        "document_number_prefix": "SAN-0001",
        "finalize_zero_amount_invoice": True,
        "invoice_grace_period": 0,
        "net_payment_term": 0,
        "email": None,
        "legal_name": None,
        "created_at": seconds(FOUNDED),
        "updated_at": seconds(FOUNDED),
    }
    return {"billing_entities": [entity]}


def metric_json(metric: Metric) -> Json:
    return {
        "lago_id": metric.lago_id,
        "name": metric.name,
        "code": metric.code,
        "description": "",
        "aggregation_type": metric.aggregation_type,
        "field_name": metric.field_name,
        "recurring": metric.recurring,
        "rounding_function": None,
        "rounding_precision": None,
        "weighted_interval": None,
        "created_at": seconds(metric.created_at),
        "filters": [],
    }


def metrics(world: World, call: Call) -> Json:
    rows, meta = page(world.metrics.rows(), call.params)
    return {"billable_metrics": [metric_json(row) for row in rows], "meta": meta}


def metric(world: World, call: Call) -> Json:
    found = next((row for row in world.metrics if row.code == call.id), None)
    if found is None:
        raise not_found("billable_metric")
    return {"billable_metric": metric_json(found)}

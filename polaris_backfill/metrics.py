"""What a monitoring system reads: figures about runs, calls, mails and the worker, in Prometheus' text form.

Each is read from the database when it is asked for, so it does not matter which process is asked. None says
who somebody is, and no label has more values than this page names.
"""

from collections.abc import Iterator, Mapping

from django.conf import settings
from django.db import DatabaseError, connection
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from customers.backfill.ledger.figures import Figures, figures
from customers.backfill.systems import LAGO, PLATFORM, STEVE

SYSTEMS = (LAGO, STEVE, PLATFORM)


@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Answer whoever brings METRICS_TOKEN; where none is set, there is no such page."""
    if not settings.METRICS_TOKEN:
        raise Http404
    if not constant_time_compare(_bearer(request), settings.METRICS_TOKEN):
        told = {"WWW-Authenticate": "Bearer"}
        return HttpResponse("unauthorized\n", status=401, headers=told, content_type="text/plain")
    try:
        text = document(figures(SYSTEMS))
    except DatabaseError:
        connection.close()
        return HttpResponse("database\n", status=503, content_type="text/plain")
    return HttpResponse(text, content_type=CONTENT_TYPE_LATEST)


def document(read: Figures) -> bytes:
    registry = CollectorRegistry()
    registry.register(Read(read))
    return generate_latest(registry)


class Read(Collector):
    """Gives figures that were read as Prometheus' kinds; what has no value has no line."""

    def __init__(self, read: Figures) -> None:
        self._read = read

    def collect(self) -> Iterator[Metric]:
        read = self._read
        yield _by("polaris_runs", "Runs, by what they are now", "status", read.runs)
        yield _by("polaris_rows", "Rows of all runs that are not reverted", "outcome", read.rows)
        yield _one("polaris_run_rows_per_second", "Of the import under way, over its whole time", read.rate)
        since = "Since the last batch of what is under way, or since it was to begin"
        yield _by("polaris_run_seconds_since_progress", since, "what", read.stalled_s)
        yield from self._calls()
        yield _by("polaris_mails", "Welcome mails", "state", read.mails)
        yield _by("polaris_jobs", "Work of the worker that is not done", "kind", read.jobs)
        seen = "Since a worker last said that it lives"
        yield _one("polaris_worker_seconds_since_seen", seen, read.worker_seen_s)

    def _calls(self) -> Iterator[Metric]:
        tries = CounterMetricFamily("polaris_calls", "Calls of runs, repetitions included", labels=["system"])
        fault = "Of them, where the system was at fault and not the request"
        errors = CounterMetricFamily("polaris_call_errors", fault, labels=["system"])
        for system, calls in self._read.calls.items():
            tries.add_metric([system], calls.tries)
            errors.add_metric([system], calls.errors)
        yield tries
        yield errors


def _by(name: str, what: str, label: str, values: Mapping[str, float]) -> Metric:
    family = GaugeMetricFamily(name, what, labels=[label])
    for word, value in values.items():
        family.add_metric([word], value)
    return family


def _one(name: str, what: str, value: float | None) -> Metric:
    family = GaugeMetricFamily(name, what)
    if value is not None:
        family.add_metric([], value)
    return family


def _bearer(request: HttpRequest) -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""

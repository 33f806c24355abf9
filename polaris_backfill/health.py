"""What a load balancer and an operator ask: does the process live, and is everything there that it needs?"""

from collections.abc import Iterator

from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from customers import queueing
from customers.database import migrations_to_apply, takes_writes
from customers.models import WorkerBeat


@never_cache
@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """Say that the process answers, and nothing about what is around it: a restart would not mend that."""
    return HttpResponse("ok\n", content_type="text/plain")


@never_cache
@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """Name what is missing, with 503 while anything is."""
    missing = list(_missing())
    return JsonResponse({"ready": not missing, "missing": missing}, status=503 if missing else 200)


def _missing() -> Iterator[str]:
    try:
        if migrations_to_apply():
            yield "migrations"
        elif not WorkerBeat.is_fresh():
            yield "worker"
        if not takes_writes():
            yield "database"
    except DatabaseError:
        connection.close()
        yield "database"
    if not queueing.answers():
        yield "broker"

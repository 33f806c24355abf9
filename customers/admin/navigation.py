"""Who sees which entry of the sidebar; django-unfold asks by dotted name. The pages ask again themselves."""

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse

from customers.admin.access import APPROVE, AUDIT, EDIT_MAPPINGS, ID_TAGS, ON_CUSTOMERS, ON_RUNS, RUN, may


def sees_runs(request: HttpRequest) -> bool:
    return may(request.user, *ON_RUNS)


def sees_import(request: HttpRequest) -> bool:
    return may(request.user, RUN)


def sees_approvals(request: HttpRequest) -> bool:
    return bool(settings.BACKFILL_REQUIRE_APPROVAL) and may(request.user, RUN, APPROVE)


def sees_customers(request: HttpRequest) -> bool:
    return may(request.user, *ON_CUSTOMERS)


def sees_id_tags(request: HttpRequest) -> bool:
    return may(request.user, *ID_TAGS)


def sees_mappings(request: HttpRequest) -> bool:
    return may(request.user, RUN, EDIT_MAPPINGS)


def sees_audit_log(request: HttpRequest) -> bool:
    return may(request.user, AUDIT)


def is_superuser(request: HttpRequest) -> bool:
    return request.user.is_superuser


def is_importing(request: HttpRequest) -> bool:
    """Tell the import from the approvals, whose pages are below its."""
    path = request.path
    return path.startswith(reverse("admin:customers_backfillrun_import")) and not path.startswith(
        reverse("admin:customers_backfillrun_approvals")
    )


def is_among_runs(request: HttpRequest) -> bool:
    """Tell runs from the import, whose pages are below theirs."""
    runs = reverse("admin:customers_backfillrun_changelist")
    path = request.path
    return path.startswith(runs) and not path.startswith(f"{runs}import/")

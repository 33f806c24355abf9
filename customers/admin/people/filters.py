"""Filters of the list of customers."""

from collections.abc import Iterable
from typing import Any

from django.contrib.admin import SimpleListFilter
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest

from customers.admin.people.figures import was_invited
from customers.models import BackfillRow, BackfillRun, Customer

RUNS_OFFERED = 30


class RunFilter(SimpleListFilter):
    title = "run"
    parameter_name = "run"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [
            (run_id, run_id) for run_id in BackfillRun.objects.values_list("run_id", flat=True)[:RUNS_OFFERED]
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Customer]) -> QuerySet[Customer]:
        if not self.value():
            return queryset
        rows = BackfillRow.objects.filter(user=OuterRef("pk"), run__run_id=self.value())
        return queryset.filter(Exists(rows))


class PlanFilter(SimpleListFilter):
    title = "plan"
    parameter_name = "plan"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        plans = BackfillRow.objects.exclude(plan_code="").order_by("plan_code")
        return [(plan, plan) for plan in plans.values_list("plan_code", flat=True).distinct()[:100]]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Customer]) -> QuerySet[Customer]:
        if not self.value():
            return queryset
        rows = BackfillRow.objects.filter(user=OuterRef("pk"), plan_code=self.value())
        return queryset.filter(Exists(rows))


class SignedInFilter(SimpleListFilter):
    title = "signed in"
    parameter_name = "signed_in"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [("never", "never"), ("once", "at least once")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Customer]) -> QuerySet[Customer]:
        if self.value() is None:
            return queryset
        return queryset.filter(last_login__isnull=self.value() == "never")


class InvitedFilter(SimpleListFilter):
    title = "invited"
    parameter_name = "invited"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [("yes", "mail went out"), ("no", "not yet")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Customer]) -> QuerySet[Customer]:
        if self.value() is None:
            return queryset
        return queryset.filter(was_invited() if self.value() == "yes" else ~was_invited())

"""Runs in the admin, put together from their pages."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from customers.admin.access import ON_RUNS, may
from customers.admin.comparing import ComparePages
from customers.admin.imports.views import ImportPages
from customers.admin.preflight import PreflightPages
from customers.admin.runs.cards import CardPages
from customers.admin.runs.controlling import ControlPages
from customers.admin.runs.listing import RunChangeList, RunColumns
from customers.admin.runs.reconciling import ReconcilePages
from customers.admin.runs.repairing import RepairPages
from customers.admin.runs.reverting import RevertPages
from customers.admin.runs.telling import TellingPages
from customers.admin.runs.verifying import VerifyPages
from customers.admin.runs.views import RunPages
from customers.admin.runs.welcoming import WelcomePages
from customers.models import BackfillRun


@admin.register(BackfillRun)
class BackfillRunAdmin(
    RunPages,
    ControlPages,
    ReconcilePages,
    RepairPages,
    VerifyPages,
    CardPages,
    RevertPages,
    WelcomePages,
    TellingPages,
    PreflightPages,
    ComparePages,
    ImportPages,
    RunColumns,
    ModelAdmin,  # type: ignore[misc]
):
    """A run is made by an import and changed by what is done with it, never by hand."""

    list_display = ("run_id", "started", "who", "file", "status_", "rows", "outcomes")
    list_display_links = ("run_id",)
    list_filter = ("status",)
    search_fields = ("run_id", "input_name", "input_sha256")
    search_help_text = "Run id, file name or SHA-256"
    list_per_page = 50
    list_fullwidth = True
    ordering = ("-id",)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[RunChangeList]:
        return RunChangeList

    def has_module_permission(self, request: HttpRequest) -> bool:
        return may(request.user, *ON_RUNS)

    def has_view_permission(self, request: HttpRequest, obj: BackfillRun | None = None) -> bool:
        return may(request.user, *ON_RUNS)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: BackfillRun | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: BackfillRun | None = None) -> bool:
        return False

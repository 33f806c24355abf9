"""The audit log in the admin: to be read, searched and taken along, by nobody to be changed."""

from collections.abc import Iterable
from datetime import UTC
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin
from unfold.contrib.filters.admin import FieldTextFilter, RangeDateTimeFilter
from unfold.utils import parse_datetime_str
from unfold.views import ChangeList

from auditlog.export import csv_lines
from auditlog.models import AuditEntry
from auditlog.people import Told, actors_called, told
from auditlog.templatetags.moments import ago


class ActionFilter(admin.SimpleListFilter):
    title = "action"
    parameter_name = "what"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        actions = AuditEntry.objects.order_by("action").values_list("action", flat=True).distinct()
        return [(action, action) for action in actions[:200]]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return queryset.filter(action=self.value()) if self.value() else queryset


class WhenFilter(RangeDateTimeFilter):  # type: ignore[misc]
    """Filters by time in UTC; a day without a time is meant whole. (The original knows no time zones.)"""

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        for end, lookup, time in (("from", "gte", "00:00"), ("to", "lte", "23:59:59")):
            day = self.used_parameters.get(f"at_{end}_0")
            moment = parse_datetime_str(f"{day} {self.used_parameters.get(f'at_{end}_1') or time}")
            if moment:
                queryset = queryset.filter(**{f"at__{lookup}": moment.replace(tzinfo=UTC)})
        return queryset


class EntryChangeList(ChangeList):  # type: ignore[misc]
    """Puts names to the numbers of the page that is shown: one query for all, not one for each."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        entries: list[Any] = [*self.result_list]
        for one in told(entries):
            entry: Any = one.entry
            entry.told = one
        self.result_list: list[Any] = entries


@admin.register(AuditEntry)
class AuditEntryAdmin(ModelAdmin):  # type: ignore[misc]
    list_display = ("when", "tag", "who", "what", "about", "details")
    fields = ("at", "tag", "who", "actor", "action", "subject", "data")
    readonly_fields = ("who",)
    list_filter = (
        ActionFilter,
        ("tag", FieldTextFilter),
        ("actor", FieldTextFilter),
        ("at", WhenFilter),
    )
    list_filter_submit = True
    search_fields = ("tag__startswith", "subject", "actor")
    search_help_text = "Tag, subject, actor or the name of somebody of staff"
    list_per_page = 100
    list_fullwidth = True
    show_full_result_count = False
    ordering = ("-id",)
    change_list_template = "admin/auditlog/auditentry/change_list.html"

    def get_urls(self) -> list[URLPattern]:
        export = self.admin_site.admin_view(self.export_view)
        return [path("export/", export, name="auditlog_auditentry_export"), *super().get_urls()]

    def export_view(self, request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
        """Return what the list shows, all pages of it, as CSV."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        entries = self.get_changelist_instance(request).get_queryset(request)
        response = StreamingHttpResponse(csv_lines(entries), content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = 'attachment; filename="audit-log.csv"'
        return response

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[EntryChangeList]:
        return EntryChangeList

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[AuditEntry], search_term: str
    ) -> tuple[QuerySet[AuditEntry], bool]:
        """Find by name, too: the log has the number only."""
        found, duplicates = super().get_search_results(request, queryset, search_term)
        actors = actors_called(search_term.strip()) if search_term.strip() else []
        return (
            queryset.filter(Q(pk__in=found.values("pk")) | Q(actor__in=actors)) if actors else found
        ), duplicates

    @admin.display(description="when", ordering="id")
    def when(self, obj: AuditEntry) -> SafeString | str:
        return ago(obj.at)

    @admin.display(description="who", ordering="actor")
    def who(self, obj: AuditEntry) -> SafeString:
        return format_html('<span title="{}">{}</span>', obj.actor, _told(obj).who)

    @admin.display(description="what", ordering="action")
    def what(self, obj: AuditEntry) -> SafeString:
        return format_html('{} <code class="pb-dim">{}</code>', _told(obj).what, obj.action)

    @admin.display(description="about", ordering="subject")
    def about(self, obj: AuditEntry) -> SafeString:
        return format_html('<span title="{}">{}</span>', obj.subject, _told(obj).about)

    def details(self, obj: AuditEntry) -> str:
        return _told(obj).details

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: AuditEntry | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: AuditEntry | None = None) -> bool:
        return False


def _told(entry: Any) -> Told:
    """Give what the list has looked up for all of its entries; of a single one, look."""
    known: Told | None = getattr(entry, "told", None)
    return known or told([entry])[0]

"""The list of column mappings that are kept: their text to be changed, downloaded and deleted.

Whoever may import sees them, because the next import may go through one; who may change them is less.
"""

from typing import Any

from django import forms
from django.contrib import admin
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path
from django.utils import timezone
from unfold.admin import ModelAdmin
from unfold.widgets import UnfoldAdminTextareaWidget

from customers.admin.access import EDIT_MAPPINGS, RUN, actor, may, needs
from customers.admin.imports.columns.naming import mapping_file
from customers.backfill.kept_mappings import NAMED_SO, digest_of, is_name, note, parsed
from customers.backfill.source import FileMapping, SourceError, parse_mapping
from customers.models import BackfillMapping

CHANGED_BY_OTHERS = (
    "Somebody else has changed this mapping since you opened it. Copy what you changed, and open it again."
)


class ContentForm(forms.ModelForm):  # type: ignore[type-arg]
    opened = forms.CharField(widget=forms.HiddenInput(), required=False)

    class Meta:
        model = BackfillMapping
        fields = ("name", "content")
        widgets = {"content": UnfoldAdminTextareaWidget(attrs={"rows": 30, "spellcheck": "false"})}
        labels = {"content": "What its file says"}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk and "opened" in self.fields:
            self.fields["opened"].initial = digest_of(self.instance)

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        if not is_name(name):
            raise forms.ValidationError(NAMED_SO)
        return name

    def clean(self) -> dict[str, Any]:
        """Refuse to write over what somebody else has written since the page was opened."""
        data: dict[str, Any] = super().clean() or self.cleaned_data
        opened = data.get("opened")
        if opened and self.instance.pk and opened != digest_of(self.instance):
            raise forms.ValidationError(CHANGED_BY_OTHERS)
        return data

    def clean_content(self) -> str:
        """Refuse what is no mapping, with the line and key of everything that is wrong."""
        text: str = self.cleaned_data["content"].replace("\r\n", "\n")
        try:
            parse_mapping(self.cleaned_data.get("name") or "mapping", text)
        except SourceError as error:
            told = [f"{problem.message} {problem.hint}".strip() for problem in error.problems]
            raise forms.ValidationError(told) from error
        return text


@admin.register(BackfillMapping)
class BackfillMappingAdmin(ModelAdmin):  # type: ignore[misc]
    form = ContentForm
    list_display = ("name", "changed")
    search_fields = ("name",)
    list_per_page = 50
    list_fullwidth = True
    show_full_result_count = False
    actions = None
    change_form_outer_before_template = "admin/customers/column_mapping.html"

    # --- who -----------------------------------------------------------------------------------------

    def has_module_permission(self, request: HttpRequest) -> bool:
        return may(request.user, RUN, EDIT_MAPPINGS)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may(request.user, RUN, EDIT_MAPPINGS)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return may(request.user, EDIT_MAPPINGS)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may(request.user, EDIT_MAPPINGS)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may(request.user, EDIT_MAPPINGS)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Leave out what only a form needs where there is none."""
        may_change = self.has_change_permission(request)
        return ("name", "content", "opened") if may_change else ("name", "content")

    # --- the file ------------------------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        file = self.admin_site.admin_view(self.file_view)
        return [path("<int:pk>/file/", file, name="customers_backfillmapping_file"), *super().get_urls()]

    @needs(RUN, EDIT_MAPPINGS)
    def file_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        kept = get_object_or_404(BackfillMapping, pk=pk)
        return mapping_file(kept.name, kept.content)

    @admin.display(description="changed", ordering="changed_at")
    def changed(self, obj: BackfillMapping) -> str:
        return f"{obj.changed_at:%Y-%m-%d %H:%M}"

    def save_model(self, request: HttpRequest, obj: BackfillMapping, form: Any, change: bool) -> None:
        obj.changed_at = timezone.now()
        super().save_model(request, obj, form, change)

    # --- the audit log -------------------------------------------------------------------------------

    def log_addition(self, request: HttpRequest, obj: BackfillMapping, message: Any) -> None:
        self._note(request, "created", obj, _said(obj))

    def log_change(self, request: HttpRequest, obj: BackfillMapping, message: Any) -> None:
        self._note(request, "changed", obj, _said(obj))

    def log_deletions(self, request: HttpRequest, queryset: Any) -> None:
        for obj in queryset:
            self._note(request, "deleted", obj, _said(obj))

    def _note(
        self, request: HttpRequest, verb: str, obj: BackfillMapping, mapping: FileMapping | None
    ) -> None:
        with transaction.atomic():
            note(verb, obj.name, mapping, actor(request))

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """Show nothing of our own here: the audit log is the history."""
        return self.change_view(request, object_id)  # type: ignore[no-any-return]


def _said(obj: BackfillMapping) -> FileMapping | None:
    try:
        return parsed(obj)
    except SourceError:  # of a version that knew more
        return None

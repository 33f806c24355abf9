"""The list of idTags: whose each is, and whether its sessions are billed."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from customers.admin.access import CUSTOMERS, may
from customers.admin.audited import AuditedMixin
from customers.admin.people.platform import CardOnPlatform
from customers.backfill.beside import is_beside_platform
from customers.backfill.switching import switch
from customers.models import IdTagMapping
from kernel import RemoteError

# Without a platform nobody tells SteVe, so the card opens chargers as before.
OFF_HERE = (
    "From now on nobody pays for what is charged with this card. Block it in SteVe, or it still charges."
)
ON_HERE = (
    "From now on what is charged with this card is billed. If it was blocked in SteVe, unblock it there."
)


class MappingForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = IdTagMapping
        fields = ("is_active",)

    def clean_is_active(self) -> bool:
        """Refuse what the table would: the form does not know the constraint's other field."""
        active: bool = self.cleaned_data["is_active"]
        if active and not self.instance.lago_subscription_external_id:
            raise forms.ValidationError("Without a subscription its sessions would be billed to nobody.")
        return active


@admin.register(IdTagMapping)
class IdTagMappingAdmin(CardOnPlatform, AuditedMixin, ModelAdmin):  # type: ignore[misc]
    """An idTag can be switched off and on here. It is made by an import and removed by a revert."""

    form = MappingForm
    list_display = ("id_tag", "name", "customer", "external_id", "is_active", "lago_subscription_external_id")
    list_filter = ("is_active",)
    search_fields = ("id_tag", "name", "user__external_id", "user__email")
    search_help_text = "idTag or its name, or the customer's external_id or email"
    list_select_related = ("user",)
    list_per_page = 50
    list_fullwidth = True
    show_full_result_count = False
    change_form_outer_before_template = "admin/customers/idtagmapping/meaning.html"
    change_form_outer_after_template = "admin/customers/ask_platform.html"
    fields = (
        "id_tag", "name", "customer", "is_active", "lago_subscription_external_id", "steve_ocpp_tag_pk",
        "created_at",
    )  # fmt: skip
    readonly_fields = (
        "id_tag", "name", "customer", "lago_subscription_external_id", "steve_ocpp_tag_pk", "created_at",
    )  # fmt: skip

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: IdTagMapping | None = None) -> bool:
        return False

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> Any:
        context |= {
            "beside_platform": is_beside_platform(),
            "may_see_customers": may(request.user, CUSTOMERS),
        }
        return super().render_change_form(request, context, *args, **kwargs)

    def save_model(self, request: HttpRequest, obj: IdTagMapping, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if is_beside_platform():  # whether it changed or not: saving once more tries once more
            transaction.on_commit(lambda: self._switch_elsewhere(request, obj))
        elif "is_active" in form.changed_data:
            self.message_user(request, ON_HERE if obj.is_active else OFF_HERE, messages.WARNING)

    def _switch_elsewhere(self, request: HttpRequest, card: IdTagMapping) -> None:
        """Have the platform and SteVe agree; what cannot be reached is told, with what to do."""
        try:
            told = switch(card)
        except RemoteError as error:
            again = "Here it is as you chose; save it once more when the other works again."
            self.message_user(request, f"Elsewhere the card is as it was: {error}. {again}", messages.ERROR)
            return
        if told:
            self.message_user(request, told)

    def audit_subject(self, obj: IdTagMapping) -> str:
        return f"customer:{obj.user.external_id}" if obj.user.external_id else f"user:{obj.user_id}"

    def get_queryset(self, request: HttpRequest) -> QuerySet[IdTagMapping]:
        return super().get_queryset(request).select_related("user")  # type: ignore[no-any-return]

    @admin.display(description="customer", ordering="user__display_name")
    def customer(self, obj: IdTagMapping) -> str:
        return str(obj.user)

    @admin.display(description="external_id", ordering="user__external_id")
    def external_id(self, obj: IdTagMapping) -> str:
        return obj.user.external_id or "—"

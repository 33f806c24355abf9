"""The list of customers and the page of one."""

from collections.abc import Iterator
from typing import Any, ClassVar

from django import forms
from django.conf import settings
from django.contrib import admin
from django.core.validators import RegexValidator
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin
from unfold.widgets import UnfoldAdminSelectWidget

from auditlog.templatetags.moments import ago
from customers.admin.access import AUDIT, ID_TAGS, ON_RUNS, REVERT, WELCOME, may
from customers.admin.audited import AuditedMixin
from customers.admin.people.counting import CountingMixin
from customers.admin.people.dossier import dossier_of
from customers.admin.people.drifting import WHAT, tell_of_drift
from customers.admin.people.filters import InvitedFilter, PlanFilter, RunFilter, SignedInFilter
from customers.admin.people.lago import LagoMixin
from customers.admin.people.platform import CustomerOnPlatform
from customers.admin.people.sessions import SessionsMixin
from customers.admin.people.sign_in_link import SignInLinkMixin
from customers.admin.people.staff import clean_address
from customers.admin.people.summary import summary_of
from customers.forms import AddressField
from customers.languages import NAMES, language_of
from customers.models import BackfillRow, Customer

EXTERNAL_ID = RegexValidator(r"^(?!\.{1,2}$)[^\x00-\x1f\x7f]{1,255}$", "Printable characters, not . or ..")


class CustomerForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = Customer
        fields = ("email", "display_name", "external_id", "locale", "is_active")
        field_classes: ClassVar = {"email": AddressField}
        help_texts: ClassVar = dict.fromkeys(
            WHAT, "Lago has its own, and is not written to here: change it there too."
        )

    locale = forms.ChoiceField(
        label="Language", required=False, widget=UnfoldAdminSelectWidget,
        help_text="Of our mails and pages. Lago's documents have a language of their own there.",
    )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "locale" in self.fields:  # not for who may only look
            self.fields["locale"].choices = list(_languages(self.instance.locale))  # type: ignore[attr-defined]

    def clean_email(self) -> str:
        return clean_address(self)

    def clean_external_id(self) -> str | None:
        """Take nothing for no external_id: two blanks would be one and the same."""
        external_id = (self.cleaned_data["external_id"] or "").strip()
        if not external_id:
            return None
        EXTERNAL_ID(external_id)
        if Customer.objects.filter(external_id__iexact=external_id).exclude(pk=self.instance.pk).exists():
            raise forms.ValidationError("Another customer has this external_id.")
        return external_id


def _languages(now: str) -> Iterator[tuple[str, str]]:
    """Give what can be chosen; among it what the customer has, be it one that we have no words in."""
    otherwise = NAMES[settings.MAIL_LANGUAGE]
    yield "", f"not known: reads {otherwise} (MAIL_LANGUAGE)"
    yield from NAMES.items()
    if now and now not in NAMES:
        yield now, f"{now}: reads {NAMES[language_of(now)]}"


@admin.register(Customer)
class CustomerAdmin(
    CustomerOnPlatform,
    CountingMixin,
    LagoMixin,
    SessionsMixin,
    SignInLinkMixin,
    AuditedMixin,
    ModelAdmin,  # type: ignore[misc]
):
    """Customers come by an import or by signing up, and go by a revert: neither is done here."""

    form = CustomerForm
    list_display = ("name", "external_id", "email", "id_tags", "plan", "signed_in")
    list_fullwidth = True
    list_filter = (RunFilter, PlanFilter, InvitedFilter, SignedInFilter, "is_active")
    search_fields = ("email", "display_name", "external_id", "id_tag_mappings__id_tag")
    search_help_text = "Email, name, external_id or idTag"
    list_per_page = 50
    show_full_result_count = False
    fields = ("email", "display_name", "external_id", "locale", "is_active", "last_login", "created_at")
    readonly_fields = ("last_login", "created_at")
    change_form_outer_before_template = "admin/customers/customer/summary.html"
    change_form_outer_after_template = "admin/customers/customer/dossier.html"

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Customer | None = None) -> bool:
        return False

    def audit_subject(self, obj: Customer) -> str:
        return f"customer:{obj.external_id}" if obj.external_id else f"user:{obj.pk}"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Customer]:
        latest = BackfillRow.objects.filter(user=OuterRef("pk")).order_by("-run_id", "line")
        customers: QuerySet[Customer] = super().get_queryset(request)
        return customers.annotate(plan_code=Subquery(latest.values("plan_code")[:1])).prefetch_related(
            "id_tag_mappings"
        )

    def get_readonly_fields(self, request: HttpRequest, obj: Customer | None = None) -> tuple[str, ...]:
        """Let a customer who signed up directly be given an external_id, once: Lago knows them by it."""
        return (*self.readonly_fields, "external_id") if obj and obj.external_id else self.readonly_fields

    def save_model(self, request: HttpRequest, obj: Customer, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        tell_of_drift(request, obj, form.changed_data)

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> Any:
        customer = kwargs.get("obj") or context.get("original")
        if customer is not None:
            context["summary"] = summary_of(customer)
            context["may_send"] = may(request.user, WELCOME)
            context["may_see_cards"] = may(request.user, *ID_TAGS)
            context["dossier"] = dossier_of(
                customer,
                with_runs=may(request.user, *ON_RUNS),
                with_audit=may(request.user, AUDIT),
                may_revert=may(request.user, REVERT),
            )
        return super().render_change_form(request, context, *args, **kwargs)

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        context = {"has_import_permission": may(request.user, "customers.run_backfill")}
        return super().changelist_view(request, {**context, **(extra_context or {})})  # type: ignore[no-any-return]

    @admin.display(description="customer", ordering="display_name")
    def name(self, obj: Customer) -> str:
        return obj.display_name or "—"

    @admin.display(description="idTags")
    def id_tags(self, obj: Customer) -> str:
        return ", ".join(mapping.id_tag for mapping in obj.id_tag_mappings.all()) or "—"

    @admin.display(description="plan")
    def plan(self, obj: Any) -> str:
        return obj.plan_code or "—"

    @admin.display(description="signed in", ordering="last_login")
    def signed_in(self, obj: Customer) -> SafeString | str:
        if not obj.is_active:
            return "deactivated"
        return ago(obj.last_login) or "never"

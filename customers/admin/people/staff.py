"""Staff accounts and groups: for superusers only."""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as BaseGroupAdmin
from django.contrib.auth.admin import UserAdmin as BaseUserAdmin
from django.contrib.auth.models import Group, Permission
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from auditlog.models import Event, record
from customers.admin.access import actor
from customers.admin.audited import AuditedMixin
from customers.forms import AddressField
from customers.models import User

RIGHTS = (
    "run_backfill", "revert_backfill", "send_welcome", "view_backfillrun", "view_customer", "change_customer",
    "view_idtagmapping", "change_idtagmapping", "view_auditentry", "edit_mappings",
    "approve_backfill", "control_backfill",
)  # fmt: skip


class SuperusersOnlyMixin:
    """Whoever could give rights could give them to themselves."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        return request.user.is_superuser

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.is_superuser

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.is_superuser

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.is_superuser

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def clean_address(form: Any) -> str:
    """Refuse an address that is somebody's already, in whatever case."""
    email: str = form.cleaned_data["email"]
    if User.objects.with_address(email).exclude(pk=form.instance.pk).exists():
        raise forms.ValidationError("This address is somebody's already, of staff or a customer's.")
    return email


class RightsMixin(AuditedMixin):
    """Writes down which rights a change gave and took, beside which fields it touched.

    Django calls both methods in the transaction of the change.
    """

    def rights_of(self, pk: int | None) -> set[str]:
        """Read what somebody may, or what a group gives, from the database."""
        raise NotImplementedError

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        form.rights_before = self.rights_of(obj.pk)
        super().save_model(request, obj, form, change)  # type: ignore[misc]

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)  # type: ignore[misc]
        obj, before = form.instance, form.rights_before
        after = self.rights_of(obj.pk)
        if after == before:
            return
        data = {"granted": sorted(after - before), "withdrawn": sorted(before - after)}
        event = Event(f"{obj._meta.model_name}.rights", self.audit_subject(obj), data)
        record("admin", actor(request), [event])


class NewStaffForm(UserCreationForm):  # type: ignore[misc]
    class Meta:
        model = User
        fields = ("email", "display_name")
        field_classes: ClassVar = {"email": AddressField}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.instance.role = User.Role.STAFF

    def clean_email(self) -> str:
        return clean_address(self)


class StaffForm(UserChangeForm):  # type: ignore[misc]
    class Meta:
        model = User
        fields = ("email", "display_name", "password", "is_active", "is_superuser", "groups")
        field_classes: ClassVar = {"email": AddressField}
        widgets = {"groups": UnfoldAdminCheckboxSelectMultipleWidget}

    def clean_email(self) -> str:
        return clean_address(self)


@admin.register(User)
class StaffAdmin(SuperusersOnlyMixin, RightsMixin, BaseUserAdmin, ModelAdmin):  # type: ignore[misc, type-arg]
    """Staff are deactivated, never deleted: the audit log names them by number."""

    form = StaffForm
    add_form = NewStaffForm
    change_password_form = AdminPasswordChangeForm
    list_display = ("email", "display_name", "is_superuser", "is_active", "last_login")
    list_filter = ("is_superuser", "is_active", "groups")
    search_fields = ("email", "display_name")
    ordering = ("email",)
    filter_horizontal = ()
    readonly_fields = ("last_login", "created_at")
    fieldsets = (
        (None, {"fields": ("email", "display_name", "password")}),
        ("Rights", {"fields": ("is_active", "is_superuser", "groups")}),
        ("Times", {"fields": ("last_login", "created_at")}),
    )
    add_fieldsets = (
        (None, {"fields": ("email", "display_name", "usable_password", "password1", "password2")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        return super().get_queryset(request).filter(role=User.Role.STAFF)

    def rights_of(self, pk: int | None) -> set[str]:
        user = User.objects.filter(pk=pk).first() if pk else None
        if user is None:
            return set()
        flags = {"sign in": user.is_active, "superuser": user.is_superuser}
        groups = user.groups.values_list("name", flat=True)
        return {name for name, given in flags.items() if given} | {f"group {name}" for name in groups}

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> tuple[str, ...]:
        """Keep people from locking themselves out."""
        own = obj is not None and obj.pk == request.user.pk
        return (*self.readonly_fields, "is_active", "is_superuser") if own else self.readonly_fields


class RightsField(forms.ModelMultipleChoiceField):  # type: ignore[type-arg]
    def label_from_instance(self, obj: Any) -> str:
        """Say what it allows; Django would put app and model in front, too long for a phone."""
        return str(obj.name)


class GroupForm(forms.ModelForm):  # type: ignore[type-arg]
    permissions = RightsField(
        Permission.objects.filter(codename__in=RIGHTS).select_related("content_type"),
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
    )

    class Meta:
        model = Group
        fields = ("name", "permissions")


admin.site.unregister(Group)


@admin.register(Group)
class GroupAdmin(SuperusersOnlyMixin, RightsMixin, BaseGroupAdmin, ModelAdmin):  # type: ignore[misc]
    """A group gives the rights of this console; all others that Django knows open nothing here."""

    form = GroupForm
    filter_horizontal = ()

    def rights_of(self, pk: int | None) -> set[str]:
        return set(Permission.objects.filter(group=pk).values_list("codename", flat=True)) if pk else set()

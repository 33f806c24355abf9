"""The people, and the idTags that are theirs."""

from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.db.models import F, Func, Q, Value
from django.db.models.functions import Collate, Lower, Now, Upper
from django.utils import timezone

from kernel import as_login, notation


def _replaced(text: models.F | Func, pattern: str, flags: str) -> Func:
    """Leave out of a text what matches a pattern."""
    values = (Value(pattern), Value(""), Value(flags))
    return Func(text, *values, function="regexp_replace", output_field=models.CharField())


class UserManager(BaseUserManager["User"]):
    def get_by_natural_key(self, username: str | None) -> "User":
        return self.with_address(username or "").get()

    def with_address(self, address: str) -> "models.QuerySet[User]":
        """Select whom an address means, in whatever capitals it is typed; the unique index serves it."""
        return self.alias(lower_email=Lower("email")).filter(lower_email=as_login(address))

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Make a customer: without a password, signing in by magic link only."""
        user = self.model(email=as_login(email), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        fields = {**fields, "role": User.Role.STAFF, "is_superuser": True}
        return self.create_user(email, password, **fields)


class User(AbstractBaseUser, PermissionsMixin):
    """A customer (signs in by magic link) or a member of staff (signs in at the admin); never both.

    The role is fixed at birth: a trigger refuses to change it, and refuses groups and permissions for
    customers, so no later edit can turn an imported row into an administrator.
    """

    class Role(models.TextChoices):
        CUSTOMER = "customer"
        STAFF = "staff"

    email = models.EmailField(max_length=254)
    display_name = models.CharField(max_length=255, blank=True)
    external_id = models.CharField(max_length=255, null=True, blank=True, default=None)  # noqa: DJ001 unique where set
    role = models.CharField(max_length=10, choices=Role, default=Role.CUSTOMER, editable=False)
    # As Lago knows it; blank where nobody said. Mails and pages that have no such language are in English.
    locale = models.CharField(
        max_length=10, blank=True, default="", help_text="Language, such as de or pt-BR"
    )
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        ordering = ("id",)
        constraints = [
            models.UniqueConstraint(Lower("email"), name="customers_user_email_unique"),
            # Lago tells `A1` from `a1`, people do not: two that differ only by case are one mistake.
            models.UniqueConstraint(Lower("external_id"), name="customers_user_external_id_unique"),
            models.CheckConstraint(condition=~Q(email=""), name="customers_user_email_given"),
            # Of A to Z only, which is the same in every database: what others become, a locale says.
            models.CheckConstraint(
                condition=Q(email=Lower(Collate("email", "C"))),
                name="customers_user_email_lower",
                violation_error_message="Write the address in lower case: people sign in with it.",
            ),
            models.CheckConstraint(
                condition=Q(external_id__isnull=True) | ~Q(external_id=""),
                name="customers_user_external_id_given",
            ),
            models.CheckConstraint(
                condition=Q(external_id__isnull=True) | Q(role="customer"),
                name="customers_user_staff_is_no_customer",
            ),
            models.CheckConstraint(
                condition=Q(is_superuser=False) | Q(role="staff"), name="customers_user_customer_is_no_staff"
            ),
            models.CheckConstraint(
                condition=Q(role__in=("customer", "staff")), name="customers_user_role_known"
            ),
        ]
        indexes = [
            models.Index(fields=["external_id"], name="customers_user_by_ext_id"),  # bulk look-ups of a plan
        ]

    def __str__(self) -> str:
        return self.display_name or self.external_id or f"{self.role} {self.pk}"

    @property
    def is_staff(self) -> bool:
        return self.role == self.Role.STAFF

    @classmethod
    def normalize_username(cls, username: str) -> str:
        """Spell an address as it is stored; Django's forms ask for it."""
        return as_login(super().normalize_username(username))


class FormerSpelling(models.Model):
    """An address as it was spelt before all were in lower case: links that were made then are signed over it.

    Kept as long as such a link can live.
    """

    user = models.OneToOneField(User, on_delete=models.CASCADE, related_name="former_spelling")
    email = models.EmailField(max_length=254)
    at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"user {self.user_id}"


# An idTag without what systems put before and between the digits of a card; `kernel.notation.stripped`.
STRIPPED_ID_TAG = Upper(
    _replaced(_replaced(F("id_tag"), notation.PREFIX, "i"), "[-_]", "g"), output_field=models.CharField()
)


class IdTagMapping(models.Model):
    """Whose idTag it is and what its sessions are billed to. Inactive until billing stands."""

    # Never cascade: a mapping that goes unnoticed is charging that nobody pays.
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="id_tag_mappings")
    id_tag = models.CharField(max_length=20)
    name = models.CharField(
        max_length=255, blank=True, default="", help_text="What the customer calls the card"
    )
    is_active = models.BooleanField(default=False)
    lago_subscription_external_id = models.CharField(max_length=300, blank=True, default="")
    steve_ocpp_tag_pk = models.PositiveBigIntegerField(null=True, blank=True, default=None)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ("id",)
        indexes = [
            # A plan asks for cards that are there in another notation.
            models.Index(STRIPPED_ID_TAG, name="customers_mapping_stripped"),
        ]
        constraints = [
            # SteVe ignores case, so two spellings would be one card.
            models.UniqueConstraint(Lower("id_tag"), name="customers_mapping_id_tag_unique"),
            models.UniqueConstraint(F("steve_ocpp_tag_pk"), name="customers_mapping_steve_pk_unique"),
            models.CheckConstraint(
                condition=Q(id_tag__regex=r"^[A-Za-z0-9_-]{1,20}$"), name="customers_mapping_id_tag_valid"
            ),
            models.CheckConstraint(
                condition=Q(is_active=False) | ~Q(lago_subscription_external_id=""),
                name="customers_mapping_active_is_billed",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.id_tag[:4]}…"

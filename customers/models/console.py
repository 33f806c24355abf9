"""How the admin sees people: customers and staff are one table, and two pages with different rules."""

from typing import ClassVar

from django.db.models import QuerySet

from customers.models.people import User, UserManager


class CustomerManager(UserManager):
    def get_queryset(self) -> QuerySet[User]:
        return super().get_queryset().filter(role=User.Role.CUSTOMER)


class Customer(User):
    """Somebody who charges. Has permissions of its own: to see customers is not to see staff."""

    objects: ClassVar[UserManager] = CustomerManager()

    class Meta:
        proxy = True
        ordering = ("-id",)

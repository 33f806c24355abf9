"""Change a password, and write down whose."""

import getpass
from typing import Any

from django.contrib.auth.management.commands import changepassword
from django.db import transaction

from auditlog.models import Event, record
from customers.models import User


class Command(changepassword.Command):
    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> str | None:
        done: str | None = super().handle(*args, **options)
        user = User.objects.get_by_natural_key(options["username"] or getpass.getuser())
        event = Event("user.changed", f"user:{user.pk}", {"fields": ["password"]})
        record("admin", f"cli:{getpass.getuser()}", [event])
        return done

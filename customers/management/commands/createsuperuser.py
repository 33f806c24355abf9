"""Make a superuser, and say what that is, and what else there is."""

import getpass
from typing import Any

from django.contrib.auth.management.commands import createsuperuser
from django.db import transaction

from auditlog.models import Event, record
from customers.models import User

WHAT_IT_GIVES = """
A superuser signs in at /admin/ and may do everything: import, reconcile, send welcome mails, revert, and
make other staff. For people who are to do all of it except the last, make staff there and put them into the
group "superadmin"; staff without rights see nothing."""
GIVEN = {"granted": ["sign in", "superuser"], "withdrawn": []}


class Command(createsuperuser.Command):
    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        superusers = User.objects.filter(is_superuser=True)
        before = set(superusers.values_list("pk", flat=True))
        super().handle(*args, **options)
        made = superusers.exclude(pk__in=before).values_list("pk", flat=True)
        events = [Event("user.rights", f"user:{pk}", GIVEN) for pk in made]
        record("admin", f"cli:{getpass.getuser()}", events)
        if options["verbosity"]:
            self.stdout.write(WHAT_IT_GIVES)

"""Make a superuser, and say what that is, and what else there is."""

from typing import Any

from django.contrib.auth.management.commands import createsuperuser

WHAT_IT_GIVES = """
A superuser signs in at /admin/ and may do everything: import, reconcile, send welcome mails, revert, and
make other staff. For people who are to do all of it except the last, make staff there and put them into the
group "superadmin"; staff without rights see nothing."""


class Command(createsuperuser.Command):
    def handle(self, *args: Any, **options: Any) -> None:
        super().handle(*args, **options)
        if options["verbosity"]:
            self.stdout.write(WHAT_IT_GIVES)

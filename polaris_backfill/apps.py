"""The project as an app: it brings the system checks."""

import gc
from collections import deque
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core import checks
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created


def keep_no_queries(sender: object, connection: BaseDatabaseWrapper, **_: Any) -> None:
    """Have a rehearsal of a large file take the memory that the real one does.

    With DEBUG, Django keeps the last 9,000 statements of a connection, and some of ours have a megabyte.
    """
    if settings.DEBUG:
        connection.queries_log = deque(maxlen=0)


class PolarisBackfillConfig(AppConfig):
    name = "polaris_backfill"
    verbose_name = "Polaris Backfill"

    def ready(self) -> None:
        from polaris_backfill.checks import check_combinations, check_proxies, check_static_files

        connection_created.connect(keep_no_queries, dispatch_uid="polaris_backfill.keep_no_queries")
        checks.register(check_combinations)
        checks.register(check_proxies, deploy=True)
        checks.register(check_static_files, deploy=True)

        # No app is ready later. What is loaded stays, and is not looked through for garbage any more.
        gc.freeze()
        gc.enable()

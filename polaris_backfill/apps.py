"""The project as an app: it brings the system checks."""

import gc
import logging
from collections import deque
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.contrib import admin
from django.contrib.admin.apps import SimpleAdminConfig
from django.contrib.admin.checks import check_admin_app, check_dependencies
from django.core import checks
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

# After how many new objects those are looked through for garbage, and after how many times older ones. Of
# a large file millions are made that all stay, and looking through them as often as Python does takes a
# tenth of all time.
GARBAGE = (20_000, 10, 10)


def keep_no_queries(sender: object, connection: BaseDatabaseWrapper, **_: Any) -> None:
    """Have a rehearsal of a large file take the memory that the real one does.

    With DEBUG, Django keeps the last 9,000 statements of a connection, and some of ours have a megabyte.
    """
    if settings.DEBUG:
        connection.queries_log = deque(maxlen=0)


def find_by_index(sender: object, connection: BaseDatabaseWrapper, **_: Any) -> None:
    """Have PostgreSQL find thousands of rows by an index and not in all of a table, unless it was set to.

    As delivered it takes each page that it reads out of order for four times as costly as one in order, as
    on a turning disk. So for each part of a large file it went through all steps of all runs.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('random_page_cost', '1.1', false)"
            " WHERE current_setting('random_page_cost') = '4'"
        )


def check_admin_pages(app_configs: Any, **kwargs: Any) -> list[checks.CheckMessage]:
    """Check what is registered, which is loaded for that."""
    admin.autodiscover()
    return check_admin_app(app_configs, **kwargs)


class AdminConfig(SimpleAdminConfig):
    """Django's admin, loaded with the addresses of its pages: a command has none, and begins without."""

    def ready(self) -> None:
        checks.register(check_dependencies, checks.Tags.admin)
        checks.register(check_admin_pages, checks.Tags.admin)


class PolarisBackfillConfig(AppConfig):
    name = "polaris_backfill"
    verbose_name = "Polaris Backfill"

    def ready(self) -> None:
        from polaris_backfill.checks import check_combinations, check_proxies, check_static_files

        connection_created.connect(keep_no_queries, dispatch_uid="polaris_backfill.keep_no_queries")
        connection_created.connect(find_by_index, dispatch_uid="polaris_backfill.find_by_index")
        checks.register(check_combinations, "settings")  # by this tag our commands ask for it alone
        checks.register(check_proxies, deploy=True)
        checks.register(check_static_files, deploy=True)
        logging.captureWarnings(True)  # so that they come in the form of all lines

        # No app is ready later. What is loaded stays, and is not looked through for garbage any more.
        gc.freeze()
        gc.set_threshold(*GARBAGE)
        gc.enable()

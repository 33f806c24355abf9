"""The project as an app: it brings the system checks."""

import gc

from django.apps import AppConfig
from django.core import checks


class PolarisBackfillConfig(AppConfig):
    name = "polaris_backfill"
    verbose_name = "Polaris Backfill"

    def ready(self) -> None:
        from polaris_backfill.checks import check_combinations, check_proxies, check_static_files

        checks.register(check_combinations)
        checks.register(check_proxies, deploy=True)
        checks.register(check_static_files, deploy=True)

        # No app is ready later. What is loaded stays, and is not looked through for garbage any more.
        gc.freeze()
        gc.enable()

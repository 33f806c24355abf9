"""Add the step to the list: the one line that a new system needs."""

from django.apps import AppConfig


class CrmConfig(AppConfig):
    name = "tests.crm"

    def ready(self) -> None:
        from customers.backfill.steps import STEPS, Listed
        from tests.crm.step import CrmContactStep

        STEPS.append(Listed(CrmContactStep, CrmContactStep.configured))

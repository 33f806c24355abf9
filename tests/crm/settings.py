"""The settings of an installation that has a CRM too."""

from polaris_backfill import environment
from polaris_backfill.settings import *  # noqa: F403
from polaris_backfill.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.crm.apps.CrmConfig"]
CRM_URL = environment.url("CRM_URL")

"""Lago, SteVe and a platform for the tests of a repair."""

from tests.customers.backfill.platform.conftest import platform_database as platform_database
from tests.customers.backfill.platform.conftest import platform_url as platform_url
from tests.customers.backfill.platform.conftest import town as town

"""What every test may use."""

import signal
import threading
from collections.abc import Iterator

import pytest
from django.db import connection
from django.test import TransactionTestCase
from hypothesis import HealthCheck, settings
from pytest_django import DjangoDbBlocker

from tests.skips import pytest_collection_modifyitems as pytest_collection_modifyitems
from tests.skips import pytest_make_collect_report as pytest_make_collect_report
from tests.skips import pytest_runtest_makereport as pytest_runtest_makereport
from tests.support import tables

pytest_plugins = ["tests.order"]

# No example fails because the machine is slow. What CI has of its own (the same examples each time) stays.
settings.register_profile("polaris", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("polaris")

# A shell's background job ignores Ctrl-C, and so would every process that a test starts and interrupts.
if (
    signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    and threading.current_thread() is threading.main_thread()
):
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True, scope="session")
def _tables_are_emptied_our_way() -> Iterator[None]:
    """Django's `flush` cannot empty the audit log, and makes all permissions anew, which takes longest."""
    theirs = TransactionTestCase._fixture_teardown
    TransactionTestCase._fixture_teardown = lambda self: tables.empty()  # type: ignore[method-assign]
    yield
    TransactionTestCase._fixture_teardown = theirs  # type: ignore[method-assign]


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> None:
    """Let no commit wait for the disk: nothing of a test has to outlive the machine."""
    with django_db_blocker.unblock():
        with connection.cursor() as cursor:
            cursor.execute(
                f'ALTER DATABASE "{connection.settings_dict["NAME"]}" SET synchronous_commit TO off'
            )
        connection.close()  # what is connected keeps what it had


@pytest.fixture(scope="session")
def database_address(django_db_setup: None) -> str:
    """How another process reaches the test database; only `database_url` also empties it after the test."""
    config = connection.settings_dict
    host = config["OPTIONS"].get("host") or config["HOST"] or "localhost"
    login = f"{config['USER']}:{config['PASSWORD']}" if config["PASSWORD"] else config["USER"]
    if host.startswith("/"):
        return f"postgresql://{login}@/{config['NAME']}?host={host}"
    return f"postgresql://{login}@{host}:{config['PORT'] or 5432}/{config['NAME']}"


@pytest.fixture
def database_url(transactional_db: None, database_address: str) -> str:
    """How another process reaches the test database, which holds what is committed and is emptied later."""
    return database_address

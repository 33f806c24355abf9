"""What every test may use."""

import signal
import threading
from collections.abc import Iterator

import pytest
from django.db import connection
from django.db.backends.postgresql.operations import DatabaseOperations
from hypothesis import HealthCheck, settings

from tests.skips import pytest_collection_modifyitems as pytest_collection_modifyitems
from tests.skips import pytest_make_collect_report as pytest_make_collect_report
from tests.skips import pytest_runtest_makereport as pytest_runtest_makereport

# No example fails because the machine is slow. What CI has of its own (the same examples each time) stays.
settings.register_profile("polaris", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("polaris")

_flush = DatabaseOperations.execute_sql_flush

# A shell's background job ignores Ctrl-C, and so would every process that a test starts and interrupts.
if (
    signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    and threading.current_thread() is threading.main_thread()
):
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _flush_past_the_append_only_trigger(self: DatabaseOperations, sql_list: list[str]) -> None:
    """Let Django empty the tables between tests: only the table's owner can do this, and only so."""
    table = "auditlog_auditentry"
    _flush(
        self,
        [
            f"ALTER TABLE {table} DISABLE TRIGGER auditlog_no_truncate;",
            *sql_list,
            f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER auditlog_no_truncate;",
        ],
    )


@pytest.fixture(autouse=True, scope="session")
def _tables_can_be_emptied_between_tests() -> Iterator[None]:
    DatabaseOperations.execute_sql_flush = _flush_past_the_append_only_trigger  # type: ignore[method-assign]
    yield
    DatabaseOperations.execute_sql_flush = _flush  # type: ignore[method-assign]


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

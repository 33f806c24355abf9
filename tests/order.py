"""How many workers share the tests, and in which order they take files."""

import gc
import os

import pytest

# Files of which a single test, or what it needs, takes long. Begun last, one would keep a lone worker busy.
LONG = ("browser", "killed", "tests/upgrades/", "test_demo", "test_laptop", "test_embedded", "crash/")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Have one more than there are processors: a test often waits for a process, a clock or a browser."""
    return (os.cpu_count() or 1) + 1


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Begin with the long files. Within each, the order stays, and so it does where one process runs all."""
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: not any(part in item.nodeid.partition("::")[0] for part in LONG))


def pytest_collection_finish() -> None:
    """Look for garbage only in what tests leave: the tests themselves stay, and are many."""
    gc.freeze()

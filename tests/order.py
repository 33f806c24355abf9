"""In which order workers take files, where several share the tests."""

import pytest

# Files of which a single test, or what it needs, takes long. Begun last, one would keep a lone worker busy.
LONG = ("browser", "killed", "tests/upgrades/", "test_demo", "test_laptop", "test_embedded", "crash/")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Begin with the long files. Within each, the order stays, and so it does where one process runs all."""
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: not any(part in item.nodeid.partition("::")[0] for part in LONG))

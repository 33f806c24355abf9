"""What the overview says of the platform's database."""

from typing import Any

import pytest

from customers.admin.reachable import look_up, systems
from tests.customers.factories import imported, rows
from tests.rehearsal.platform.town import Town

pytestmark = pytest.mark.django_db


def test_the_overview_names_the_database_and_counts_its_customers(town: Town) -> None:
    imported(rows(2))

    platform = look_up("polaris")

    assert platform is not None
    assert (platform.is_well, platform.told.endswith("customers: 2")) == (True, True)


def test_one_that_does_not_answer_is_told_as_such(town: Town, settings: Any) -> None:
    settings.POLARIS_DATABASE_URL = "postgres://nobody:secret@127.0.0.1:1/polaris"

    platform = look_up("polaris")

    assert platform is not None
    assert (platform.is_well, "does not answer" in platform.told, "secret" in platform.told) == (
        False,
        True,
        False,
    )


def test_nothing_is_said_of_one_that_is_not_to_be_used(town: Town, settings: Any) -> None:
    settings.POLARIS_DATABASE_URL = "none"

    assert "Polaris" not in [system.name for system in systems(look=False)]

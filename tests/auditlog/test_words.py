"""What was done, in plain words."""

import pytest

from auditlog.words import details, in_words


@pytest.mark.parametrize(
    ("action", "said"),
    [
        ("sign_in.used", "Signed in by link"),
        ("id_tag_mapping.activated", "idTag activated"),
        ("lago_customer.created", "Customer in Lago created"),
        ("run.stopped", "Run stopped"),
        ("later", "Later"),
    ],
)
def test_an_action_is_said_in_words(action: str, said: str) -> None:
    assert in_words(action) == said


def test_details_are_said_without_the_signs_of_a_program() -> None:
    assert details({"fields": ["Email", "Display name"], "batch_size": 2}) == (
        "fields: Email, Display name, batch size: 2"
    )

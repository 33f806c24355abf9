"""Settings that each are right and together are not."""

import pytest

from polaris_backfill.checks import check_combinations
from tests.polaris_backfill.processes import PRODUCTION, manage

MAIL = {
    "EMAIL_URL": "smtp://mail",
    "EMAIL_FROM": "ops@example.com",
    "CUSTOMER_BASE_URL": "https://charge.example.com",
}
WORKER = {"CF_EMAIL_WORKER_URL": "https://worker.example.com", "CF_EMAIL_WORKER_SECRET": "secret"}
STEVE = {"STEVE_BASE_URL": "http://steve:8080", "STEVE_API_USERNAME": "polaris", "STEVE_API_KEY": "key"}


def found(settings, **values) -> list[str]:
    for name, value in {"CUSTOMER_BASE_URL": "https://charge.example.com", **values}.items():
        setattr(settings, name, value)
    return [message.id or "" for message in check_combinations(None)]


@pytest.mark.parametrize("values", [{}, MAIL, STEVE, {**MAIL, "EMAIL_URL": "", **WORKER}])
def test_what_fits_together_passes(settings, values):
    assert found(settings, **values) == []


@pytest.mark.parametrize(
    ("values", "check"),
    [
        ({"Q_CLUSTER": {"retry": 300, "timeout": 300}}, "polaris.E001"),
        ({**MAIL, "EMAIL_URL": "", **WORKER, "CF_EMAIL_WORKER_SECRET": ""}, "polaris.E002"),
        ({**MAIL, **WORKER}, "polaris.W003"),
        ({**MAIL, "EMAIL_FROM": ""}, "polaris.E004"),
        ({**MAIL, "CUSTOMER_BASE_URL": ""}, "polaris.E004"),
        ({**STEVE, "STEVE_API_KEY": ""}, "polaris.E005"),
        ({**STEVE, "STEVE_API_USERNAME": ""}, "polaris.E005"),
        ({"CUSTOMER_BASE_URL": "http://charge.example.com"}, "polaris.E006"),
        ({"LAGO_API_URL": "http://lago.example.com"}, "polaris.W007"),
        ({**STEVE, "STEVE_BASE_URL": "http://8.8.8.8/steve"}, "polaris.W007"),
    ],
)
def test_each_contradiction_is_found(settings, values, check):
    assert found(settings, **values) == [check]


@pytest.mark.parametrize("host", ["lago-api", "10.0.0.7", "127.0.0.1", "lago.internal"])
def test_a_key_may_travel_in_clear_text_on_a_private_network(settings, host):
    assert found(settings, LAGO_API_URL=f"http://{host}:3000") == []


def test_on_a_laptop_clear_text_is_fine(settings):
    assert found(settings, DEBUG=True, CUSTOMER_BASE_URL="http://localhost:8000") == []


def test_a_contradiction_keeps_a_command_from_starting():
    outcome = manage("migrate", **{**PRODUCTION, "CUSTOMER_BASE_URL": "http://charge.example.com"})

    assert outcome.returncode == 1
    assert "CUSTOMER_BASE_URL must be https" in outcome.stderr

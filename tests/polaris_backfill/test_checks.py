"""Settings that each are right and together are not."""

import pytest

from polaris_backfill.checks import check_combinations
from tests.polaris_backfill.processes import PRODUCTION, manage

MAIL = {"EMAIL_URL": "smtp://mail", "EMAIL_FROM": "ops@example.com"}
WEBHOOK = {"NOTIFY_WEBHOOK_URL": "https://hooks.example.com/x/", "NOTIFY_WEBHOOK_SECRET": "s" * 32}
WORKER = {"CF_EMAIL_WORKER_URL": "https://worker.example.com", "CF_EMAIL_WORKER_SECRET": "secret"}


def found(settings, **values) -> list[str]:
    for name, value in values.items():
        setattr(settings, name, value)
    return [message.id or "" for message in check_combinations(None)]


@pytest.mark.parametrize("values", [{}, MAIL, WORKER, WEBHOOK, {"STEVE_BASE_URL": "http://steve:8080"}])
def test_what_fits_together_passes(settings, values):
    assert found(settings, **values) == []


@pytest.mark.parametrize(
    ("values", "check"),
    [
        ({"Q_CLUSTER": {"retry": 300, "timeout": 300}}, "polaris.E001"),
        ({**MAIL, **WORKER}, "polaris.W002"),
        ({"EMAIL_FROM": "Ladestrom, Nord <post@acme.example>"}, "polaris.W005"),
        ({"MAIL_TEMPLATES_DIR": "/nowhere/mail"}, "polaris.W009"),
        ({"LAGO_API_URL": "http://lago.example.com"}, "polaris.W003"),
        ({"STEVE_OCPP_URL": "ws://8.8.8.8/steve"}, "polaris.W003"),
        ({**WEBHOOK, "NOTIFY_WEBHOOK_SECRET": "short"}, "polaris.W007"),
        ({**WEBHOOK, "NOTIFY_WEBHOOK_URL": ""}, "polaris.W010"),
        ({**WEBHOOK, "NOTIFY_WEBHOOK_URL": "http://hooks.example.com/x/"}, "polaris.W006"),
    ],
)
def test_each_contradiction_is_found(settings, values, check):
    assert found(settings, **values) == [check]


@pytest.mark.parametrize("host", ["lago-api", "10.0.0.7", "127.0.0.1", "lago.internal"])
def test_a_key_may_travel_in_clear_text_on_a_private_network(settings, host):
    assert found(settings, LAGO_API_URL=f"http://{host}:3000") == []


def test_on_a_laptop_clear_text_is_fine(settings):
    assert found(settings, DEBUG=True, LAGO_API_URL="http://lago.example.com") == []


def test_a_command_shows_the_contradiction():
    outcome = manage(
        "check", "--fail-level", "WARNING", **{**PRODUCTION, "LAGO_API_URL": "http://lago.example.com"}
    )

    assert outcome.returncode == 1
    assert "LAGO_API_URL sends a key in clear text" in outcome.stderr


def test_a_webhook_on_a_private_network_needs_no_https(settings):
    assert found(settings, **WEBHOOK | {"NOTIFY_WEBHOOK_URL": "http://n8n:5678/webhook/x"}) == []


def test_a_folder_of_templates_that_is_not_there_lets_commands_start():
    outcome = manage("check", **{**PRODUCTION, "MAIL_TEMPLATES_DIR": "/nowhere/mail"})

    assert outcome.returncode == 0
    assert "MAIL_TEMPLATES_DIR: /nowhere/mail is not there: make the folder" in outcome.stderr

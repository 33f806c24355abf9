"""What an operator meets when a variable is missing or wrong: one line that names it, exit 2."""

import json
import re
import subprocess
import sys

import pytest

from tests.polaris_backfill.processes import PRODUCTION, ROOT, manage

WRONG = {
    "DEBUG": "perhaps",
    "SECRET_KEY": "short",
    "DATABASE_URL": "postgres://me:hunter2@db:port/polaris",
    "ALLOWED_HOSTS": "https://backfill.example.com",
    "LAGO_API_URL": "lago-api:3000",
    "LAGO_API_KEY": "",
    "LAGO_DASHBOARD_URL": "dashboard",
    "STEVE_BASE_URL": "steve",
    "STEVE_OCPP_URL": "https://steve",
    "BACKFILL_BATCH_SIZE": "0",
    "BACKFILL_CONCURRENCY": "many",
    "BACKFILL_LAGO_RATE": "-1",
    "BACKFILL_TIMEZONE": "Mars/Olympus",
    "EMAIL_URL": "smtp+tls://me:hunter2@mail:x",
    "CF_EMAIL_WORKER_URL": "worker",
    "CUSTOMER_BASE_URL": "http://charge.example.com",
    "MAIL_LANGUAGE": "pl",
    "MAGIC_LINK_TTL_SECONDS": "1",
    "MAGIC_LINK_INVITE_TTL_SECONDS": "1 day",
    "TRUSTED_PROXY_COUNT": "-1",
    "Q_BROKER_URL": "http://redis:6379",
}
# Loads the settings once per set of variables, in one process: that is all that starting up does with them.
LOADER = """
import importlib, json, os, sys
from django.core.exceptions import ImproperlyConfigured
sets = json.load(sys.stdin)
for name, variables in sets.items():
    os.environ.clear()
    os.environ.update(variables, ENV_FILE="")
    sys.modules.pop("polaris_backfill.settings", None)
    try:
        importlib.import_module("polaris_backfill.settings")
        sets[name] = ""
    except ImproperlyConfigured as error:
        sets[name] = str(error)
print(json.dumps(sets))
"""


def refusals(sets: dict[str, dict[str, str]]) -> dict[str, str]:
    loaded = subprocess.run(
        [sys.executable, "-c", LOADER],
        cwd=ROOT,
        input=json.dumps(sets),
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(json.loads(loaded.stdout))


def test_every_wrong_variable_is_named_in_one_line():
    found = refusals({name: {**PRODUCTION, name: value} for name, value in WRONG.items()})

    assert {name: line.split()[0] for name, line in found.items()} == {name: name for name in WRONG}
    assert not [line for line in found.values() if "\n" in line or "hunter2" in line]


def test_every_required_variable_is_missed_by_its_name():
    required = ("SECRET_KEY", "DATABASE_URL", "LAGO_API_KEY")

    found = refusals({name: {**PRODUCTION, name: ""} for name in required})

    assert {name: line.split()[0] for name, line in found.items()} == {name: name for name in required}


def test_a_webhook_without_a_secret_is_refused_by_the_name_of_the_secret():
    found = refusals({"webhook": {**PRODUCTION, "NOTIFY_WEBHOOK_URL": "https://hooks.example.com/x/"}})

    assert found["webhook"].startswith("NOTIFY_WEBHOOK_SECRET is not set")


def test_production_needs_no_more_than_what_is_required():
    assert refusals({"all": PRODUCTION}) == {"all": ""}


@pytest.mark.parametrize("name", ["DATABASE_URL", "BACKFILL_BATCH_SIZE"])
def test_a_command_ends_with_2_and_one_line_on_standard_error(name):
    outcome = manage("migrate", **{**PRODUCTION, name: WRONG[name]})

    assert outcome.returncode == 2
    assert outcome.stderr.startswith(f"Configuration: {name} ")
    assert outcome.stderr.count("\n") == 1
    assert outcome.stdout == ""


def test_a_deployment_check_has_nothing_to_remark():
    outcome = manage("check", "--deploy", "--fail-level", "WARNING", **PRODUCTION)

    remarks = re.findall(r"polaris\.\w+|security\.\w+", outcome.stderr)
    assert set(remarks) <= {"polaris.W008"}  # from source, static files are not collected
    assert "ERRORS" not in outcome.stderr


def test_a_deployment_check_misses_the_number_of_proxies():
    outcome = manage(
        "check", "--deploy", "--fail-level", "WARNING", **{**PRODUCTION, "TRUSTED_PROXY_COUNT": ""}
    )

    assert outcome.returncode == 1
    assert "polaris.W004" in outcome.stderr
    assert "TRUSTED_PROXY_COUNT is not set" in outcome.stderr


@pytest.mark.parametrize(("value", "count"), [("", None), ("0", 0), ("2", 2)])
def test_no_proxy_is_told_from_nothing_said(value, count):
    ask = "from django.conf import settings; print(settings.TRUSTED_PROXY_COUNT)"

    done = manage("shell", "--no-imports", "-c", ask, **{**PRODUCTION, "TRUSTED_PROXY_COUNT": value})

    assert done.stdout == f"{count}\n"


def test_a_database_that_does_not_answer_is_one_line_without_the_password():
    outcome = manage("migrate", **PRODUCTION)

    assert outcome.returncode == 2
    assert outcome.stderr == (
        "DATABASE_URL: no connection to database 'polaris' at 127.0.0.1:1: nothing answers there.\n"
    )

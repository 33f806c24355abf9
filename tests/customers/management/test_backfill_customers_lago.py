"""`backfill_customers` against a Lago that is not as it should be: one clear line, exit 2, no traceback."""

from pathlib import Path
from typing import Any

import pytest

from customers.models import BackfillRun
from kernel import patience
from rehearsal.lago import Sandbox
from tests.billing.scripted import Answer as Said
from tests.billing.scripted import scripted_server
from tests.customers.commands import Answer, as_json, command
from tests.customers.factories import csv_text, rows

pytestmark = pytest.mark.django_db

HTML = Said(200, b"<html><h1>Sign in</h1></html>", {"Content-Type": "text/html"})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "customers.csv"
    path.write_bytes(csv_text(rows(1)).encode())
    return path


def refused(answer: Answer, words: str) -> None:
    assert answer.code == 2
    assert answer.out == ""
    assert words in answer.err
    assert answer.err.count("\n") == 1
    assert BackfillRun.objects.count() == 0


def test_a_wrong_key(lago: Sandbox, path: Path, settings: Any) -> None:
    settings.LAGO_API_KEY = "wrong"

    refused(command(path), "Lago refused the key (401): check LAGO_API_KEY")


@pytest.mark.parametrize("key", ["", "a key", "schlüssel", "line\nbreak"])
def test_a_key_that_is_none(lago: Sandbox, path: Path, settings: Any, key: str) -> None:
    settings.LAGO_API_KEY = key

    refused(command(path), "LAGO_API_KEY is ")


def test_a_key_without_the_right_to_read(lago: Sandbox, path: Path) -> None:
    lago.set_organization(permissions={"plan": []})

    refused(command(path), "Lago refused GET plans (403")


def test_a_lago_that_is_not_there(lago: Sandbox, path: Path, settings: Any) -> None:
    settings.LAGO_API_URL = "http://127.0.0.1:9"

    refused(command(path), "Lago at http://127.0.0.1:9 cannot be reached (no connection): check LAGO_API_URL")


def test_a_lago_that_takes_its_time_is_named_and_one_that_does_not_is_not(
    lago: Sandbox, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A silent port costs a minute: whoever sits before it hears after a few seconds what is waited for."""
    usual = command(path, "--dry-run")
    monkeypatch.setattr(patience, "AFTER_S", 0.1)
    lago.fault("hang_before,method=GET,path=/organizations,seconds=0.6,times=1")

    late = command(path, "--dry-run")

    assert (usual.code, late.code) == (0, 0)
    assert f"Waiting for Lago at {lago.url}: no answer yet …\n" in late.err
    assert "Waiting for" not in usual.err


@pytest.mark.parametrize("status", [200, 403, 404])
def test_a_proxy_that_answers_html(lago: Sandbox, path: Path, settings: Any, status: int) -> None:
    with scripted_server() as proxy:
        proxy.answers(Said(status, HTML.body, HTML.headers))
        settings.LAGO_API_URL = proxy.url

        refused(command(path), "but not by Lago: check LAGO_API_URL, or the proxy in between")


def test_a_web_server_that_is_no_lago(lago: Sandbox, path: Path, settings: Any) -> None:
    with scripted_server() as server:
        server.answers(Said(404, {"detail": "not found"}))
        settings.LAGO_API_URL = server.url

        refused(command(path), "check LAGO_API_URL")


def test_a_lago_that_refuses_while_rows_are_looked_up(lago: Sandbox, path: Path) -> None:
    lago.set_organization(permissions={"customer": []})

    answer = command(path)

    assert (answer.code, answer.out) == (2, "")
    assert answer.err.splitlines()[-1].startswith("Lago refused GET customers (403")
    assert "Traceback" not in answer.err
    assert BackfillRun.objects.count() == 0


def test_a_lago_without_the_plan_fails_the_rows(lago: Sandbox, path: Path, settings: Any) -> None:
    with Sandbox(["gold"]) as other:
        settings.LAGO_API_URL = other.url
        answer = as_json(path, "--dry-run")

    assert answer.code == 1
    assert answer.codes == {2: ["plan_not_found"]}
    assert answer.rows[2]["problems"][0]["hint"] == "Plans in Lago: gold."


def test_a_lago_that_refuses_in_json_is_one_document(lago: Sandbox, path: Path, settings: Any) -> None:
    settings.LAGO_API_KEY = "wrong"

    answer = as_json(path)

    assert answer.json["problems"][0]["code"] == "could_not_start"


def test_an_unfinished_run_of_another_organization_is_not_continued(lago: Sandbox, path: Path) -> None:
    lago.set_organization(permissions={"customer": ["read"]})
    command(path)
    lago.set_organization(permissions={})
    BackfillRun.objects.update(lago_organization_id="another", lago_organization_name="Other Ltd")

    answer, anew = command(path), command(path, "--new-run", "--skip-existing")

    assert answer.code == 2
    assert "went into another Lago organization (Other Ltd)" in answer.err
    assert "--new-run" in answer.err
    assert anew.code == 0

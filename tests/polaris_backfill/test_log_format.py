"""Real processes log what LOG_FORMAT asks for: web, its access log and the worker alike."""

import json
import logging
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import requests

from customers import queueing
from customers.management.commands import qcluster
from customers.queueing import SWEEP
from polaris_backfill.logs import JsonLines, TextLines
from tests.customers.imported_runs import make_run
from tests.polaris_backfill.processes import PRODUCTION, ROOT, manage
from tests.polaris_backfill.test_logs import gunicorn
from tests.support.processes import environment, wait_for

IMPORT = "customers.tasks.import_run"


def unstarted_web(home: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Start a web server that ends at once."""
    return subprocess.run(
        [sys.executable, "-m", "gunicorn", "polaris_backfill.wsgi", "--bind", "127.0.0.1:0"],
        cwd=ROOT, env={"PATH": "/usr/bin:/bin", "ENV_FILE": "", "HOME": str(home), **variables},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def documents(log: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.splitlines()]


def test_each_line_of_a_web_server_is_json_from_its_first_on(database_url: str, tmp_path: Path) -> None:
    with gunicorn(tmp_path, DATABASE_URL=database_url, LOG_FORMAT="json") as server:
        requests.get(f"{server.url}/sign-in/link/12.secret/", timeout=10)
        requests.get(f"{server.url}/nowhere", timeout=10)

    lines = documents(server.log)
    messages = [line["message"] for line in lines]
    assert any(message.startswith("Starting gunicorn") for message in messages)
    assert {"gunicorn.error", "gunicorn.access", "django.request"} <= {line["logger"] for line in lines}
    assert any(re.match(r"GET /sign-in/link/…/ HTTP", message) for message in messages)
    assert "12.secret" not in server.log
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["time"]) for line in lines)


@pytest.mark.parametrize("form", [pytest.param("text", marks=pytest.mark.matrix), "json"])
def test_the_worker_says_of_each_job_when_it_began_and_how_it_ended(
    database_url: str, tmp_path: Path, form: str
) -> None:
    run = make_run(2)
    queueing.push(IMPORT, run.pk)
    queueing.push(SWEEP)
    output = tmp_path / "worker.log"
    env = environment(DATABASE_URL=database_url, LOG_FORMAT=form)

    with output.open("w") as file:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "qcluster"], cwd=ROOT, env=env, stdout=file, stderr=file
        )
        try:
            wait_for(lambda: "import ended" in output.read_text())
        finally:
            process.terminate()
            process.wait(60)

    log = output.read_text()
    told = f"import ended run={run.run_id} outcome=nothing status=succeeded created=2 completed=0"
    if form == "json":
        lines = documents(log)
        (ended,) = [line for line in lines if line.get("job") == "import" and line["what"] == "ended"]
        assert (ended["run"], ended["outcome"], ended["created"]) == (run.run_id, "nothing", 2)
        assert ended["seconds"] >= 0
        assert ended["message"].startswith(told)
    else:
        assert re.search(rf"^\S+Z INFO import begun run={run.run_id}$", log, re.MULTILINE)
        assert re.search(rf"^\d{{4}}\S+Z INFO {told} .* seconds=[\d.]+$", log, re.MULTILINE)
    assert log.count("worker ready") == 2


def test_a_form_that_is_none_is_refused_in_one_line_by_command_and_web_alike(tmp_path: Path) -> None:
    variables = {**PRODUCTION, "LOG_FORMAT": "xml"}

    command = manage("check", **variables)
    web = unstarted_web(tmp_path, **variables)

    line = "Configuration: LOG_FORMAT must be one of text, json, not 'xml'.\n"
    assert (command.returncode, command.stderr) == (2, line)
    assert (web.returncode, web.stderr) == (2, line)


@pytest.mark.parametrize("command", [("qcluster",), ("check",)])
def test_what_cannot_start_says_so_in_the_form_of_its_log_and_at_a_terminal_in_words(
    command: tuple[str, ...],
) -> None:
    told = manage(*command, **{**PRODUCTION, "LOG_FORMAT": "json", "LAGO_API_KEY": ""})

    words = json.loads(told.stderr)["message"] if command == ("qcluster",) else told.stderr.strip()
    assert (told.returncode, words.partition(" ")[0]) == (2, "Configuration:")
    assert "LAGO_API_KEY" in words
    assert told.stderr.count("\n") == 1


def test_web_says_so_in_that_form_too(tmp_path: Path) -> None:
    told = unstarted_web(tmp_path, **{**PRODUCTION, "LOG_FORMAT": "json", "LAGO_API_KEY": ""})

    (line,) = documents(told.stderr)
    assert (told.returncode, line["level"]) == (2, "error")
    assert "LAGO_API_KEY" in line["message"]


def test_what_the_worker_remarks_on_its_settings_is_a_line_of_its_log(settings: Any, caplog: Any) -> None:
    settings.METRICS_TOKEN = "secret"

    qcluster.Command().check()

    said = [(record.levelname, record.getMessage()) for record in caplog.records]
    assert ("WARNING", "polaris.W011") in [(level, words.split()[0]) for level, words in said]


def test_settings_that_contradict_themselves_end_the_worker(settings: Any, caplog: Any) -> None:
    settings.Q_CLUSTER = {**settings.Q_CLUSTER, "retry": 1}

    with pytest.raises(SystemExit) as end:
        qcluster.Command().check()

    assert (end.value.code, "polaris.E001" in caplog.text) == (2, True)


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_warning_of_pythons_is_one_line_like_all_others(form: str) -> None:
    gives = "import warnings; warnings.warn('No directory at: /nowhere')"

    told = manage("shell", "--no-imports", "--command", gives, **{**PRODUCTION, "LOG_FORMAT": form})

    (line,) = told.stderr.splitlines()
    if form == "json":
        assert (json.loads(line)["logger"], json.loads(line)["level"]) == ("py.warnings", "warning")
    else:
        assert re.match(r"\d{4}\S+Z WARNING ", line)
    assert "UserWarning: No directory at: /nowhere" in line


# --- The forms by themselves -------------------------------------------------------------------------


def record(message: str, *args: object, error: Exception | None = None, **extra: object) -> logging.LogRecord:
    exc_info = (type(error), error, None) if error else None
    made = logging.LogRecord("any", logging.WARNING, __file__, 1, message, args, exc_info)
    vars(made).update(extra)
    return made


def test_a_line_of_json_is_one_line_whatever_it_holds() -> None:
    text = JsonLines().format(record("two\nlines of %s", "Müller", error=ValueError("a\nbug")))

    assert "\n" not in text
    line = json.loads(text)
    assert (line["message"], line["level"], line["logger"]) == ("two\nlines of Müller", "warning", "any")
    assert line["exception"].endswith("ValueError: a\nbug")


def test_fields_stand_beside_the_others_and_replace_none() -> None:
    line = json.loads(
        JsonLines().format(record("x", fields={"run": "r", "level": "none", "path": Path("/a")}))
    )

    assert (line["run"], line["level"], line["path"]) == ("r", "warning", "/a")


def test_a_line_of_text_says_when() -> None:
    made = record("import begun", created=0.0)

    assert TextLines().format(made) == "1970-01-01T00:00:00Z WARNING import begun"

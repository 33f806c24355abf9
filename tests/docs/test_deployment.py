"""The page about deployment quotes files that what they are for takes, and names what there is."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from polaris_backfill import metrics
from tests.docs.handbook import ROOT, blocks, codes, page, section
from tests.polaris_backfill.test_metrics import RULES

DEPLOY = ROOT / "deploy"
PAGE = page("deployment.md")
UNITS = ("polaris-backfill-web.service", "polaris-backfill-worker.service")
QUOTED = (*UNITS, "Caddyfile")


@pytest.mark.parametrize("name", QUOTED)
def test_a_file_is_quoted_as_it_is(name: str) -> None:
    quoted = [block.body for block in blocks(PAGE) if block.kind in ("ini", "caddyfile")]

    assert len(quoted) == len(QUOTED)
    assert (DEPLOY / name).read_text() in quoted


def test_every_file_for_a_deployment_is_named_somewhere() -> None:
    told = PAGE + (ROOT / "compose.yaml").read_text()

    assert [path.name for path in DEPLOY.iterdir() if f"deploy/{path.name}" not in told] == []


def unit(name: str) -> dict[str, list[str]]:
    pairs = re.findall(r"^(\w+)=(.*)$", (DEPLOY / name).read_text(), re.MULTILINE)
    return {key: [value for one, value in pairs if one == key] for key, _ in pairs}


@pytest.mark.parametrize("name", UNITS)
def test_systemd_takes_a_unit_where_there_is_one(name: str, tmp_path: Path) -> None:
    """As it is, except for where the program is, which has to be there."""
    analyze = shutil.which("systemd-analyze")
    text, changed = re.subn(
        r"^(ExecStart=)\S+", rf"\1{sys.executable}", (DEPLOY / name).read_text(), flags=re.M
    )
    assert changed == 1
    (tmp_path / name).write_text(text)

    if analyze:
        done = subprocess.run(
            [analyze, "verify", tmp_path / name], capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", UNITS)
def test_a_unit_runs_what_the_page_sets_up(name: str) -> None:
    said = unit(name)

    assert f"/{said['WorkingDirectory'][0].strip('/')}" == "/opt/polaris-backfill"
    assert said["ExecStart"][0].startswith("/opt/polaris-backfill/.venv/bin/")
    assert f"--home-dir {said['ReadWritePaths'][0]} " in PAGE
    assert f"/bin/bash {said['User'][0]}\n" in PAGE
    assert said["RestartPreventExitStatus"] == [
        "2"
    ]  # what cannot start says so once, and is not started again


def test_the_worker_has_as_long_to_end_as_with_compose() -> None:
    (grace,) = re.findall(r"stop_grace_period: (\d+)s", (ROOT / "compose.yaml").read_text())

    assert unit(UNITS[1])["TimeoutStopSec"] == [grace]


def test_each_figure_is_explained_and_no_other() -> None:
    source = Path(metrics.__file__).read_text()
    given = set(re.findall(r'"(polaris_\w+)"', source)) - {"polaris_calls", "polaris_call_errors"}

    told = {code.partition("{")[0] for code in codes(section(PAGE, "Metrics"))}

    assert told == given | {"polaris_calls_total", "polaris_call_errors_total"}


def test_what_prometheus_is_told_names_the_rules_and_the_job_that_they_ask_for() -> None:
    (block,) = [block for block in blocks(section(PAGE, "Metrics")) if block.kind == "yaml"]
    said = yaml.safe_load(block.body)
    jobs = set(re.findall(r'job="([\w-]+)"', RULES.read_text()))

    assert said["rule_files"] == [RULES.name]
    assert {one["job_name"] for one in said["scrape_configs"]} == jobs


def test_what_is_installed_without_docker_is_what_the_image_installs() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    in_image = re.findall(r"/venv/bin/pip (install [^&\n]+)", dockerfile)
    shown = re.findall(r"^\$ \.venv/bin/pip (install .+)$", PAGE, re.MULTILINE)

    assert [" ".join(one.split()) for one in in_image] == shown

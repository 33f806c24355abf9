"""What a newcomer meets first says what there is."""

import re
import subprocess

from tests.polaris_backfill.processes import ROOT

READ_BY_OTHERS = {"POSTGRES_PASSWORD", "BACKFILL_UID", "BACKFILL_GID", "LAGO_NETWORK", "SITE"}  # compose.yaml
FOR_DEVELOPERS = {"POLARIS_TEST_DB"}


def test_the_example_file_explains_every_variable_that_is_read():
    settings = (ROOT / "polaris_backfill" / "settings.py").read_text()
    read = set(re.findall(r'environment\.\w+\(\s*"([A-Z_]+)"', settings))

    example = (ROOT / ".env.example").read_text()
    explained = set(re.findall(r"^#? ?([A-Z_]+)=", example, re.MULTILINE))

    assert "DATABASE_URL" in read
    assert explained - READ_BY_OTHERS == read - FOR_DEVELOPERS


def test_make_alone_lists_every_target_with_a_line():
    outcome = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True)
    listed = re.findall(r"^  make (\S+) +\S.*$", outcome.stdout, re.MULTILINE)
    phony = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)

    assert phony is not None
    assert sorted(listed) == sorted(phony[1].split())

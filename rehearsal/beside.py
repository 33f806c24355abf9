"""The demo beside a Polaris Express: `make demo BESIDE=platform`. All of it is its own, and is forgotten."""

import atexit
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psycopg
import requests

from polaris_backfill import embedded
from rehearsal.shell import systems

TIMEOUT_S = 60
LOOKED = """
What stands there now, as the platform's sync has left it:

  SteVe      {open:,} cards open, {blocked:,} blocked{parents}
  Platform   {users:,} customers, {active:,} active mappings, {syncs:,} sync{s}"""
NEXT = """
That was a migration beside a Polaris Express. Its database, Lago, SteVe and platform are forgotten now.

  make shell BESIDE=platform                                 the same yourself: charge, reconcile, revert
  make demo                                                  without a platform, and kept

docs/polaris.md says what an import makes there, and how to connect to yours."""
COUNTED = """
SELECT (SELECT count(*) FROM users WHERE role = 'customer'),
    (SELECT count(*) FROM user_mappings WHERE is_active AND tag_type <> 'meta'),
    (SELECT count(*) FROM sync_runs WHERE status = 'completed')
"""


@contextmanager
def world() -> Iterator[Mapping[str, str]]:
    """Start database, Lago, SteVe and platform; give the environment in which commands reach them."""
    folder = Path(tempfile.mkdtemp(prefix="polaris-"))
    # Registered first, so done last: the database says farewell before its folder goes.
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    atexit.register(embedded.forget, folder / "postgres")
    files = folder / "files"
    files.mkdir(mode=0o700)
    with systems(files, embedded.database_url(folder / "postgres"), platform=True) as variables:
        yield variables


def look(variables: Mapping[str, str]) -> str:
    """Say what SteVe and the platform have."""
    tags = requests.get(
        f"{variables['STEVE_BASE_URL']}/api/v1/ocppTags",
        auth=(variables["STEVE_API_USERNAME"], variables["STEVE_API_KEY"]),
        timeout=TIMEOUT_S,
    ).json()
    cards = [tag for tag in tags if not tag["idTag"].startswith("META-")]
    opened = sum(1 for card in cards if card["maxActiveTransactionCount"] != 0)
    parents = len(tags) - len(cards)
    with psycopg.connect(variables["POLARIS_DATABASE_URL"]) as platform:
        users, active, syncs = platform.execute(COUNTED).fetchone() or (0, 0, 0)
    return LOOKED.format(
        open=opened, blocked=len(cards) - opened, users=users, active=active, syncs=syncs,
        s="" if syncs == 1 else "s",
        parents=f", and {parents:,} parents that the platform has made so far" if parents else "",
    )  # fmt: skip

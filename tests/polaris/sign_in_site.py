"""A platform's database and its sign-in, and what a customer with a browser finds there."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import psycopg
import requests

from polaris import PlatformDatabase
from rehearsal.platform import PlatformSandbox, schema
from tests.rehearsal.platform.databases import fresh_database

NOWHERE = {"lago_url": "http://127.0.0.1:1", "lago_key": "k", "steve_url": "http://127.0.0.1:1"}
FORMS = ("1.6", "1.7")
BUTTON = "/auth/verify"
AT_ONCE = "/api/auth/magic-link/verify"


@dataclass(frozen=True, slots=True)
class Site:
    sandbox: PlatformSandbox
    connection: psycopg.Connection
    database: PlatformDatabase

    @property
    def url(self) -> str:
        return self.sandbox.url

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        return self.connection.execute(query, values or None).fetchall()

    def identifiers(self) -> Sequence[str]:
        return [
            name for (name,) in self.rows("select identifier from verifications order by length(identifier)")
        ]

    def read_other_rows(self) -> None:
        """Be of a version that finds no row of a form that is known today."""
        self.connection.execute(
            "create or replace function otherwise() returns trigger language plpgsql as"
            " $$ begin new.identifier := 'v2:' || new.identifier; return new; end $$;"
            " create or replace trigger otherwise before insert on verifications"
            " for each row execute function otherwise()"
        )

    def read_our_rows(self) -> None:
        self.connection.execute("drop trigger if exists otherwise on verifications")


@contextmanager
def platform_database(beside: str) -> Iterator[str]:
    """Give the address of a database of one's own with the platform's tables."""
    with fresh_database(beside) as address:
        schema.create(address)
        yield address


@contextmanager
def sign_in_site(address: str) -> Iterator[Site]:
    with (
        PlatformSandbox(database_url=address, steve_username="s", steve_key="k", **NOWHERE) as sandbox,
        psycopg.connect(address, autocommit=True) as connection,
    ):
        database = PlatformDatabase(address)
        try:
            yield Site(sandbox, connection, database)
        finally:
            database.close()


def signed_in(link: str) -> str:
    """Open a link, press its button, and return what the page says then; blank where it is the login."""
    with requests.Session() as browser:
        browser.get(link, timeout=60)
        parts = urlsplit(link)
        browser.post(f"{parts.scheme}://{parts.netloc}{BUTTON}?{parts.query}", timeout=60)
        page = browser.get(f"{parts.scheme}://{parts.netloc}/", timeout=60)
    return "" if page.url.endswith("/login") else page.text


def refusal(link: str) -> str:
    """Return why a link is no good, as the platform says it to whoever asks without a button."""
    answer = requests.get(link.replace(BUTTON, AT_ONCE), allow_redirects=False, timeout=60)
    return answer.headers["Location"].partition("error=")[2]

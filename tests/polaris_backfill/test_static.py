"""From source, without `collectstatic`: pages work, and the check says what is missing."""

from pathlib import Path
from typing import Any

import pytest
from django.contrib.staticfiles.storage import staticfiles_storage
from django.core.management import call_command
from django.test import Client

from polaris_backfill.checks import check_static_files

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def from_source(settings: Any, tmp_path: Path) -> None:
    kept = {"default": settings.STORAGES["default"]}
    settings.STORAGES = kept | {"staticfiles": {"BACKEND": "polaris_backfill.static.Collected"}}
    settings.STATIC_ROOT = tmp_path / "static"
    settings.STATIC_ROOT.mkdir()


def test_pages_and_their_files_are_there(client: Client) -> None:
    page = client.get("/sign-in/")
    image = client.get("/static/customers/star.svg")

    assert page.status_code == 200
    assert b"<svg" in b"".join(image)
    assert "/static/customers/star.svg" in page.content.decode()


def test_the_check_says_so_until_they_are_collected() -> None:
    (missing,) = check_static_files(None)
    call_command("collectstatic", interactive=False, verbosity=0)

    assert missing.id == "polaris.W008"
    assert "collectstatic" in str(missing.hint)
    assert check_static_files(None) == []
    assert staticfiles_storage.url("customers/star.svg") != "/static/customers/star.svg"


def test_a_file_of_a_newer_version_is_missed_and_served_as_it_is(client: Client) -> None:
    call_command("collectstatic", interactive=False, verbosity=0)
    del staticfiles_storage.hashed_files["customers/star.svg"]

    assert len(check_static_files(None)) == 1
    assert client.get("/sign-in/").status_code == 200

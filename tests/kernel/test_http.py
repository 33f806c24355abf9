"""What every HTTP client of ours does alike."""

from collections.abc import Callable
from pathlib import Path

import pytest

from billing.client import LagoClient
from charging import SteveClient
from charging.login import Login
from kernel import http

HTTPS = "https://host"
SELF_SIGNED = Path(__file__).parents[1] / "billing" / "self_signed.pem"


def lago() -> None:
    LagoClient(HTTPS, "key", rate_per_s=0).close()


def steve() -> None:
    SteveClient(HTTPS, "user", "key").close()


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
@pytest.mark.parametrize("connect", [lago, steve])
def test_authorities_that_are_not_there_are_told_by_their_variable(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variable: str, connect: Callable[[], None]
) -> None:
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    monkeypatch.setenv(variable, str(tmp_path / "missing.pem"))

    with pytest.raises(ValueError, match=f"{variable}.* names a file that is not there"):
        connect()


def test_a_file_without_certificates_is_told_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "empty.pem").write_text("nothing\n")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "empty.pem"))

    with pytest.raises(ValueError, match="names a file without certificates"):
        http.session(Login("user", "key"), 1, HTTPS)


@pytest.mark.parametrize("path", [SELF_SIGNED, SELF_SIGNED.parent])
def test_authorities_that_are_there_are_taken(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(path))

    http.session(Login("user", "key"), 1, HTTPS).close()


def test_they_are_not_asked_for_where_nothing_is_encrypted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/missing.pem")

    http.session(Login("user", "key"), 1, "http://host").close()

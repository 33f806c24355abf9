"""What compose brings up fits the image, the example of .env and the page about it."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import yaml

from tests.polaris_backfill.processes import ROOT

OF_LAGO = {"db", "redis", "migrate", "api", "front", "clock", "pdf", "lago-api", "lago-db", "lago-redis"}
EXAMPLE = (ROOT / ".env.example").read_text()


def compose(*names: str) -> dict[str, Any]:
    """Give the services as compose merges the files, one level deep."""
    whole: dict[str, Any] = {"services": {}, "networks": {}}
    for name in names or ("compose.yaml",):
        document = yaml.safe_load((ROOT / name).read_text())
        for service, said in document["services"].items():
            whole["services"][service] = {**whole["services"].get(service, {}), **said}
        whole["networks"] |= document.get("networks", {})
    return whole


def names_of(service: str, said: dict[str, Any]) -> set[str]:
    """Give the names by which others in the default network find a service."""
    networks = said.get("networks", {})
    aliases = networks["default"]["aliases"] if isinstance(networks, dict) and "default" in networks else []
    return {service, *aliases}


def test_every_variable_that_compose_reads_is_explained() -> None:
    texts = [path.read_text() for path in ROOT.glob("compose*.yaml")]
    read = {name for text in texts for name in re.findall(r"\$\{([A-Z_]+)", text)}

    assert read == {"BACKFILL_UID", "BACKFILL_GID", "POSTGRES_PASSWORD", "LAGO_NETWORK", "SITE"}
    assert [name for name in read if not re.search(rf"^#? ?{name}=", EXAMPLE, re.MULTILINE)] == []


def test_it_works_as_the_images_user_unless_told_otherwise() -> None:
    (user,) = re.findall(r"^USER (.+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)

    for name in ("web", "worker", "migrate"):
        asked = compose()["services"][name]["user"]
        assert re.sub(r"\$\{\w+:-(\d+)\}", r"\1", asked) == user


def test_files_are_in_a_folder_of_the_server_that_docker_does_not_make() -> None:
    for name in ("web", "worker", "migrate"):
        (folder,) = compose()["services"][name]["volumes"]
        assert (folder["type"], folder["source"], folder["target"]) == (
            "bind", "./data/backfill", "/data/backfill",
        )  # fmt: skip
        assert folder["bind"] == {"create_host_path": False}


def test_beside_lago_each_name_means_ours_or_lagos_and_never_both() -> None:
    """What joins Lago's network finds Lago's services by name, too: its database is a `db` as ours is."""
    both = compose("compose.yaml", "compose.lago.yaml")
    joined = {name for name, said in both["services"].items() if "lago" in said.get("networks", [])}
    (host,) = re.findall(r"^DATABASE_URL=postgres://[^@]+@([\w-]+):", EXAMPLE, re.MULTILINE)

    assert joined == {"web", "worker"}
    assert all("default" in both["services"][name]["networks"] for name in joined)
    assert both["networks"]["lago"] == {"external": True, "name": "${LAGO_NETWORK:-lago_default}"}
    assert host in names_of("db", both["services"]["db"])
    assert host not in OF_LAGO
    assert joined.isdisjoint(OF_LAGO)


def test_caddy_comes_when_it_is_asked_for_with_a_file_that_is_there() -> None:
    caddy = compose()["services"]["caddy"]
    files = [volume.split(":")[0] for volume in caddy["volumes"] if volume.startswith("./")]

    assert caddy["profiles"] == ["caddy"]
    assert [file for file in files if not (ROOT / file).is_file()] == []


def test_compose_itself_takes_it_where_there_is_one(tmp_path: Path) -> None:
    """A machine without it, and CI, have the tests above."""
    docker = shutil.which("docker")
    if not docker or subprocess.run([docker, "compose", "version"], capture_output=True).returncode:
        return
    for name in ("compose.yaml", "compose.lago.yaml", "Dockerfile"):
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / ".env").write_text(EXAMPLE)
    files = ("--file", "compose.yaml", "--file", "compose.lago.yaml", "--profile", "caddy")

    done = subprocess.run(
        [docker, "compose", *files, "config"], cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert (done.returncode, "not set" in done.stderr) == (0, False), done.stderr

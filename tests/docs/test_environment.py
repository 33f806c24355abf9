"""Every variable that is read is explained, with its default and its limits, and no other."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.docs.handbook import ROOT, codes, page, table

FOR_DEVELOPERS = {"POLARIS_TEST_DB"}
READ_BY_COMPOSE = {"POSTGRES_PASSWORD", "BACKFILL_UID", "BACKFILL_GID", "LAGO_NETWORK", "SITE"}
READ_ELSEWHERE = {*READ_BY_COMPOSE, "ENV_FILE"}  # and before there are settings


@dataclass(frozen=True, slots=True)
class Read:
    name: str
    default: object
    limits: tuple[int, int] | None


def reads() -> Iterator[Read]:
    """Give each reading of a variable in the settings; its default where that is a literal."""
    tree = ast.parse((ROOT / "polaris_backfill" / "settings.py").read_text("utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("environment."):
            name, *rest = [a.value if isinstance(a, ast.Constant) else None for a in node.args]
            limits = {k.arg: eval(ast.unparse(k.value)) for k in node.keywords if k.arg in ("least", "most")}
            if isinstance(name, str):
                both = (limits["least"], limits["most"]) if limits else None
                yield Read(name, rest[0] if rest else None, both)


EXPLAINED = {cell.strip("`"): row for row in table(page("environment.md")) for cell in row[:1]}


def test_every_variable_is_explained_and_no_other():
    read = {one.name for one in reads()} - FOR_DEVELOPERS | READ_ELSEWHERE

    assert set(codes(page("environment.md"))) == read


def test_the_example_file_has_them_too():
    example = (ROOT / ".env.example").read_text("utf-8")

    offered = set(re.findall(r"^#? ?([A-Z_]+)=", example, re.MULTILINE))

    assert offered == set(codes(page("environment.md"))) - {"ENV_FILE"}


@pytest.mark.parametrize("read", [one for one in reads() if one.limits], ids=lambda read: read.name)
def test_the_default_and_the_limits_of_a_number_are_told(read):
    _, default, told = EXPLAINED[read.name]

    assert default == ("none" if read.default is None else f"`{read.default}`")
    assert f"{read.limits[0]} to {read.limits[1]}" in told


@pytest.mark.parametrize("name", ["LAGO_API_URL", "LAGO_METRIC_CODE", "OPERATOR_NAME"])
def test_the_default_of_a_text_is_told(name):
    defaults = {one.name: one.default for one in reads()}

    assert EXPLAINED[name][1] == f"`{defaults[name]}`"

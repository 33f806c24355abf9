"""A misspelt override is called by nobody, and nothing says so: the libraries' classes have no types.

Whatever a class of the admin defines must be known to the library that it builds on, or be used by us.
"""

import ast
import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.forms.models import ModelForm, ModelFormOptions

import auditlog.admin
import customers.admin
import customers.resources
from customers.admin.imports.views import ImportPages

OURS = ("auditlog", "billing", "customers", "polaris_backfill", "tests")
ROOT = Path(settings.BASE_DIR)
IDENTIFIER = re.compile(r"[A-Za-z_]\w*")


def modules() -> Iterator[Any]:
    yield from (auditlog.admin, customers.resources, customers.admin)
    for found in pkgutil.walk_packages(customers.admin.__path__, "customers.admin."):
        yield importlib.import_module(found.name)


def classes() -> list[type]:
    return [
        value
        for module in modules()
        for value in vars(module).values()
        if inspect.isclass(value) and value.__module__ == module.__name__ and known_to_libraries(value)
    ]


def is_ours(cls: type) -> bool:
    return cls.__module__.partition(".")[0] in OURS


def known_to_libraries(cls: type) -> set[str]:
    """Give all that the libraries have in what this class, or one that it is mixed into, builds on."""
    bases = {base for one in [cls, *descendants(cls)] for base in one.__mro__}
    return {name for base in bases if not is_ours(base) and base is not object for name in vars(base)}


def descendants(cls: type) -> Iterator[type]:
    for child in cls.__subclasses__():
        yield child
        yield from descendants(child)


@cache
def used_by_us() -> frozenset[str]:
    """Give every name that our sources use, in code, in a text such as a dotted name, or in a template."""
    used: set[str] = set()
    for package in OURS[:-1]:
        for path in (ROOT / package).rglob("*.py"):
            used.update(used_names(ast.walk(ast.parse(path.read_text("utf-8")))))
    for path in (ROOT / "templates").rglob("*.html"):
        used.update(IDENTIFIER.findall(path.read_text("utf-8")))
    return frozenset(used)


def used_names(nodes: Iterable[ast.AST]) -> Iterator[str]:
    for node in nodes:
        match node:
            case ast.Attribute(attr=name) | ast.Name(id=name, ctx=ast.Load()):
                yield name
            case ast.Constant(value=str() as text):
                yield text.rpartition(".")[2]


def called_by_nobody(cls: type) -> list[str]:
    known = (
        known_to_libraries(cls) | {f"clean_{field}" for field in getattr(cls, "base_fields", ())} | {"Meta"}
    )
    return sorted(
        name
        for name in vars(cls)
        if not name.startswith("__") and name not in known and name not in used_by_us()
    )


@pytest.mark.parametrize("cls", classes(), ids=lambda cls: cls.__qualname__)
def test_all_that_a_class_of_the_admin_defines_is_called_by_somebody(cls: type) -> None:
    assert called_by_nobody(cls) == []


def test_every_option_of_a_form_is_one_that_django_reads() -> None:
    metas = [vars(cls)["Meta"] for cls in classes() if issubclass(cls, ModelForm) and "Meta" in vars(cls)]

    named = {name for meta in metas for name in vars(meta) if not name.startswith("__")}
    unknown = named - set(vars(ModelFormOptions()))

    assert len(metas) > 3
    assert unknown == set()


def test_a_misspelt_override_is_found() -> None:
    class Misspelt(ImportPages):
        def get_confirm_formconfirmation_of(self, request: Any, import_form: Any) -> dict[str, Any]:
            return {}

        import_templte_name = "admin/import.html"

        def get_confirm_form_initial(self, request: Any, import_form: Any) -> dict[str, Any]:
            return {}

    assert called_by_nobody(Misspelt) == ["get_confirm_formconfirmation_of", "import_templte_name"]

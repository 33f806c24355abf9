"""The words of a mail: the operator's own where there is a template of theirs, or else those that we ship."""

from collections.abc import Mapping

from django.template.loader import render_to_string
from django.utils.translation import get_language

from customers.mail import dialect, fitness, folder
from customers.mail.envelope import Category
from customers.mail.folder import Source

SUBJECT = "-subject.txt"
REPLACEABLE = tuple(
    f"{mail}{ending}"
    for mail in (Category.WELCOME, Category.MAGIC_LINK)
    for ending in (SUBJECT, ".txt", ".html")
)


def render(name: str, values: Mapping[str, object], *, shipped: bool = False) -> str:
    """Write `welcome.html` or another part, in the language that is active; raise CannotCompose.

    `values` are plain ones. `shipped`: ours, whatever the operator's says.
    """
    own = None if shipped else replacement(name, values)
    return render_to_string(f"mail/{name}", dict(values)) if own is None else own


def replacement(name: str, values: Mapping[str, object]) -> str | None:
    """Return what the operator's own template makes; None where they have none. Raise CannotCompose."""
    source = _found(name) if name in REPLACEABLE else None
    if source is None:
        return None
    written = dialect.render(source, values, _found)
    if name.endswith(SUBJECT):
        fitness.require_subject(source, written.strip())
        return written.strip()
    fitness.require_part(source, written, str(values["link"]))
    return written


def language() -> str:
    return (get_language() or "en").partition("-")[0]


def _found(name: str) -> Source | None:
    source = folder.find(name, language())
    if source:
        fitness.require_harmless(source)
    return source

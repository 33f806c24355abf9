"""Languages as people write them: `de`, `DE`, `de-AT`, `de_at`."""

import re
from collections.abc import Iterable

from kernel.codes import LOCALES

MAILED = ("en", "de", "fr", "nl", "es", "it")  # what our mails and pages are written in

_TAG = re.compile(
    r"(?P<language>[a-z]{2,3})(?:-(?P<script>[a-z]{4}))?(?:-(?P<region>[a-z]{2}|[0-9]{3}))?", re.IGNORECASE
)


def read_language(given: str) -> str | None:
    """Return the language as a tag, None where it is none; regions that nobody here tells apart are left out.

    `de_AT` is `de`; `pt-PT` stays, as `pt-BR` is another one at Lago.
    """
    found = _TAG.fullmatch(given.replace("_", "-"))
    if found is None:
        return None
    language = found["language"].lower()
    parts = (language, (found["script"] or "").title(), (found["region"] or "").upper())
    tag = "-".join(part for part in parts if part)
    return tag if tag in LOCALES else first_of([language], (*LOCALES, *MAILED)) or tag


def first_of(wanted: Iterable[str], languages: Iterable[str]) -> str | None:
    """Return the first of the wanted that is among the languages, whatever region it names."""
    known = frozenset(languages)
    spoken = (tag.replace("_", "-").partition("-")[0].lower() for tag in wanted)
    return next((language for language in spoken if language in known), None)

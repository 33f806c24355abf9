"""A mapping that is not finished: what is certain, and a question mark wherever somebody has to decide."""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from customers.backfill.mappings.suggesting import Key, Suggestion
from customers.backfill.source.mapping.amiss import UNDECIDED
from customers.backfill.source.mapping.model import FIELDS
from customers.backfill.source.mapping.writing import write_document

_ORDER = ("file", "fields", "cards", "values")


def write_draft(suggestion: Suggestion, *about: str) -> str:
    """Return the text of a mapping file; `about` stands at its top.

    As long as a question mark is in it, reading refuses it with the line and key of each.
    """
    document = _with_questions(suggestion)
    comments: dict[Key, tuple[str, ...]] = {key: tuple(lines) for key, lines in suggestion.remarks.items()}
    for key, lines in suggestion.questions.items():
        place = key[:2] if key[0] == "fields" else key  # an inline table holds no comments
        comments[place] = (*comments.get(place, ()), *lines)
    at_end = comments.pop(("leave_out",), ())
    text = write_document(document, {**comments, (): about})
    return text + "".join(f"\n# {line}" for line in at_end) + ("\n" if at_end else "")


def _with_questions(suggestion: Suggestion) -> dict[str, Any]:
    document: dict[str, Any] = {section: {} for section in _ORDER} | deepcopy(suggestion.document)
    for key in suggestion.questions:
        *sections, name = key
        place: Any = document
        for section in sections:
            place = place.setdefault(section, {})
        place[name] = UNDECIDED
    document["fields"] = {name: document["fields"][name] for name in FIELDS if name in document["fields"]}
    has_remarks = {key[0] for key in suggestion.remarks}
    return {name: part for name, part in document.items() if part or name in has_remarks}


def undecided_keys(suggestion: Suggestion) -> Mapping[str, tuple[str, ...]]:
    """Name the keys that have to be filled in, as they stand in the file, with what to consider."""
    return {".".join(key): lines for key, lines in suggestion.questions.items()}

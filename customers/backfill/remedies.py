"""What a remedy of a preview changes: options, and what the mapping says. A form only chooses."""

from collections.abc import Mapping
from typing import Any

from customers.backfill import uploads
from customers.backfill.causes import Cause, Remedy
from customers.backfill.engine.acceptance import THESE
from customers.backfill.engine.plan import ACCEPT
from customers.backfill.preview_changes import PLANNED_ANEW, Change
from customers.backfill.refused import Refused
from customers.backfill.source import FileMapping
from customers.backfill.source.mapping.reading import mapping_of
from customers.backfill.source.mapping.writing import amended, write_mapping
from customers.backfill.stored_preview import Preview
from customers.models import BackfillUpload

GONE = "The preview has no such remedy any more."


def chosen_remedy(upload: BackfillUpload, preview: Preview, cause: int, remedy: int, name: str) -> Change:
    """Return what a remedy changes, by its numbers; `name` is for a mapping, where there is none yet."""
    found = _cause(preview, cause)
    if not 0 <= remedy < len(found.remedies):
        raise Refused(GONE, "Look at it again.")
    return _change(upload, found, found.remedies[remedy], name)


def chosen_plan(upload: BackfillUpload, preview: Preview, cause: int, code: str, name: str) -> Change:
    """Return what having the value of a cause stand for one of Lago's plans changes."""
    found = _cause(preview, cause)
    if not takes_plan(found):
        raise Refused(GONE, "Look at it again.")
    if code not in preview.head["plan_codes"]:
        raise Refused("Choose one of Lago's plans.")
    pairs = {**preview.head["plans_named"], found.value: code}
    return _change(upload, found, Remedy("", mapping={"values": {"plan_code": pairs}}), name)


def takes_plan(cause: Cause) -> bool:
    """Return whether a person can say which plan is meant by what the rows of a cause have."""
    return cause.field == "plan_code" and bool(cause.value)


def _cause(preview: Preview, number: int) -> Cause:
    causes = preview.causes
    if not 0 <= number < len(causes):
        raise Refused(GONE, "Look at it again.")
    return causes[number]


def _change(upload: BackfillUpload, cause: Cause, remedy: Remedy, name: str) -> Change:
    told = {"code": cause.code, "rows": cause.rows, "options": sorted(remedy.options)}
    options: dict[str, Any] = {
        option: THESE if option == ACCEPT else value for option, value in remedy.options.items()
    }
    if not remedy.mapping:
        return Change(PLANNED_ANEW, told, options)
    before = uploads.mapping_of(upload)
    mapping = _extended(before, remedy.mapping, cause.value, name)
    text = amended(upload.mapping, before, mapping) if before else write_mapping(mapping)
    options |= {"mapping": mapping.sha256(), "mapping_name": mapping.name[:255]}
    options |= {key: value for key, value in remedy.mapping.get("file", {}).items() if key in upload.options}
    return Change(PLANNED_ANEW, {**told, "mapping": mapping.sha256()}, options, text)


def _extended(before: FileMapping | None, more: Mapping[str, Any], value: str, name: str) -> FileMapping:
    """Return a mapping that says more; what it says already of any value but this one stays."""
    said = before.as_document() if before else {}
    document = {**said, **{part: _part(part, said.get(part, {}), more[part], value) for part in more}}
    return mapping_of(before.name if before else name, document)


def _part(part: str, said: Mapping[str, Any], more: Mapping[str, Any], value: str) -> dict[str, Any]:
    if part == "values":
        return {**said, **{name: _pairs(said.get(name, {}), more[name], value) for name in more}}
    if part == "cards":
        both = said.get("remove_separators", "") + more.get("remove_separators", "")
        return {**said, **more, "remove_separators": "".join(dict.fromkeys(both))}
    return {**said, **more}


def _pairs(said: Mapping[str, str], more: Mapping[str, str], value: str) -> dict[str, str]:
    return {**more, **said, value: more[value]}

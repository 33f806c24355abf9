"""With what the page of columns begins: nothing that somebody chose before is asked again."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from django.core.exceptions import ImproperlyConfigured

from customers.backfill import uploads as staging
from customers.backfill.kept_mappings import parsed, says
from customers.backfill.mappings.suggesting import suggest
from customers.backfill.mappings.table import Table, look_at
from customers.backfill.page_looks import connected_for_a_page
from customers.backfill.refused import Refused
from customers.backfill.source import FileMapping, SourceError
from customers.backfill.source.mapping.model import Form
from customers.backfill.source.mapping.reading import mapping_of
from customers.backfill.source.mapping.writing import write_mapping
from customers.models import BackfillMapping, BackfillUpload
from kernel import RemoteError


@dataclass(frozen=True, slots=True)
class Start:
    """A mapping to begin with, and the text of its file; `name` is that of a kept one."""

    mapping: FileMapping
    text: str
    name: str = ""
    notes: Sequence[str] = ()
    undecided: Sequence[str] = ()  # what a proposal leaves to a person
    errors: Sequence[str] = ()


def plan_codes() -> list[str]:
    """Ask Lago for its plans; raise Refused, RemoteError or ImproperlyConfigured."""
    with connected_for_a_page() as systems:
        return sorted(systems.target.plans)


def start(upload: BackfillUpload, chosen: int | None, name: str) -> Start:
    """Begin with the kept mapping that was chosen, with what was planned with, or with what is offered."""
    kept = BackfillMapping.objects.filter(pk=chosen).first() if chosen else None
    if kept:
        return _of_kept(kept, f"This is the column mapping “{kept.name}”.")
    if upload.mapping:
        return _planned_with(upload, name)
    return _offered(upload, name)


def _planned_with(upload: BackfillUpload, name: str) -> Start:
    mapping = staging.mapping_of(upload) or FileMapping(name)
    known = BackfillMapping.objects.filter(name=mapping.name).first()
    if known and says(known, mapping):
        return Start(mapping, known.content, known.name)
    return Start(mapping, upload.mapping)


def _offered(upload: BackfillUpload, name: str) -> Start:
    """Offer what was kept for the same columns; else what names and values propose."""
    form = _form_of(upload)
    try:
        table = look_at(upload.name, bytes(upload.data), form)
    except SourceError as error:
        return _nothing(form, name, error)
    kept = BackfillMapping.objects.for_header(table.header).first()
    if kept:
        told = f"A file with these columns was read through “{kept.name}” before, so it is chosen here."
        return _of_kept(kept, told)
    return _proposed(table, name)


def read_anew(upload: BackfillUpload, form: Form, name: str) -> Start:
    """Begin with a proposal for a file that is read otherwise than before."""
    try:
        return _proposed(look_at(upload.name, bytes(upload.data), form), name)
    except SourceError as error:
        return _nothing(form, name, error)


def _proposed(table: Table, name: str) -> Start:
    codes: list[str] = []
    with suppress(Refused, RemoteError, ImproperlyConfigured):  # the page says so when it asks for them
        codes = plan_codes()
    proposed = suggest(table, codes)
    form = {**table.form.as_document(), **proposed.document.get("file", {})}  # what is guessed of it, is said
    mapping = mapping_of(name, {**proposed.document, "file": form})
    return Start(mapping, write_mapping(mapping), undecided=proposed.undecided)


def _of_kept(kept: BackfillMapping, told: str) -> Start:
    try:
        return Start(parsed(kept), kept.content, kept.name, [told])
    except SourceError as error:  # of a version that knew more
        return _nothing(Form(), kept.name, error)


def _nothing(form: Form, name: str, error: SourceError) -> Start:
    mapping = FileMapping(name, form)
    return Start(mapping, write_mapping(mapping), errors=told(error))


def told(error: SourceError) -> list[str]:
    return [f"{problem.message} {problem.hint}".strip() for problem in error.problems]


def _form_of(upload: BackfillUpload) -> Form:
    """Return what the form of the upload said of the file."""
    given = upload.options
    mark = given.get("decimal_mark", ".")
    return Form(
        encoding=given["encoding"],
        delimiter=given["delimiter"],
        hidden_rows=given.get("hidden_rows"),
        date_format=given.get("date_format"),
        decimal_mark=mark if mark != "." else None,
    )

"""A mapping while it is made: begun with what there is, and taken from the page as it was filled in."""

from dataclasses import dataclass, field, replace

from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, QueryDict

from customers.admin.access import EDIT_MAPPINGS, may
from customers.admin.imports.columns import page
from customers.admin.imports.columns.chosen import (
    amiss,
    base_of,
    chosen_in,
    is_read_otherwise,
    mapping_from,
    mapping_of_file,
    sound_part,
)
from customers.admin.imports.columns.looking import Study, own_columns, study
from customers.admin.imports.columns.naming import file_name
from customers.admin.imports.columns.starting import Start, plan_codes, read_anew, start, told
from customers.backfill import uploads as staging
from customers.backfill.kept_mappings import is_name
from customers.backfill.refused import Refused
from customers.backfill.source import FileMapping, SourceError, parse_mapping
from customers.backfill.source.mapping.reading import MAX_BYTES
from customers.backfill.source.mapping.writing import write_mapping
from customers.models import BackfillMapping, BackfillUpload
from kernel import Problem, RemoteError
from kernel.wording import some_of

NAMED = 8  # old tariffs, in a sentence


@dataclass(slots=True)
class Work:
    """A mapping being made for a file, and what is wrong with it so far. `name` is that of a kept one.

    `shown` is the same with what it need not say, for the page.
    """

    upload: BackfillUpload
    mapping: FileMapping
    text: str
    name: str = ""
    errors: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    undecided: list[str] = field(default_factory=list)
    codes: list[str] = field(default_factory=list)
    study: Study | None = None
    shown: FileMapping | None = None

    def look(self) -> None:
        """Read the file through the mapping, and ask Lago for its plans; what cannot be is told."""
        try:
            self.study = study(self.upload.name, bytes(self.upload.data), self.mapping)
            self.shown = own_columns(self.mapping, self.study.header)
        except SourceError as error:
            self.errors += told(error)
        try:
            self.codes = plan_codes()
        except (Refused, RemoteError, ImproperlyConfigured) as error:
            self.errors.append(f"Lago's plans cannot be shown: {error}")


# --- Where it begins ---------------------------------------------------------------------------------


def begun(request: HttpRequest, upload: BackfillUpload) -> Work:
    """Begin with a mapping that there is, and say why the file cannot be read as it is."""
    chosen = request.GET.get("use", "")
    pk = int(chosen) if chosen.isdecimal() and len(chosen) < 10 else None
    work = _work(upload, start(upload, pk, file_name(upload.name)))
    if not upload.preview and not work.name:
        work.notes += _why(upload)
    return work


def _work(upload: BackfillUpload, found: Start) -> Work:
    return Work(
        upload, found.mapping, found.text, found.name, [*found.errors], [*found.notes], [*found.undecided]
    )


def _why(upload: BackfillUpload) -> list[str]:
    """Name the columns that the file lacks as it is."""
    try:
        staging.open_upload(upload)
    except SourceError as error:
        lacking = [problem.field for problem in error.problems if problem.code == "column_missing"]
        named = ", ".join(name for name in lacking if name)
        return [f"It has no column named {named}: say which of its own they are."] if named else []
    return []


# --- What was chosen ---------------------------------------------------------------------------------


def taken(request: HttpRequest, upload: BackfillUpload) -> Work:
    """Take what was chosen. A file that is read otherwise than before has other columns: begin anew."""
    post, name = request.POST, _name_of(request, upload)
    empty = Work(upload, FileMapping(name), base_of(post))
    try:
        if "use_file" in post:
            return _of_file(request, empty)
        mapping, text = mapping_from(post, name)
        before = parse_mapping(name, base_of(post)).form
    except SourceError as error:
        empty.errors += told(error)
        return _as_far_as_it_goes(empty, name, None if "use_file" in post else post)
    if "plan" not in post and is_read_otherwise(before, mapping.form):
        return _work(upload, read_anew(upload, mapping.form, name))
    kept = post.get("mapping_name", "")
    if is_name(kept) and BackfillMapping.objects.filter(name=kept, content=text).exists():
        mapping = replace(mapping, name=kept)
    return Work(upload, mapping, text, kept, errors=amiss(post))


def _as_far_as_it_goes(work: Work, name: str, post: QueryDict | None = None) -> Work:
    """Show the page of before with what was chosen on it, but for what makes no mapping."""
    try:
        work.mapping = parse_mapping(name, work.text)
    except SourceError:
        work.text = ""
        return work
    if post:
        work.mapping = sound_part(name, chosen_in(post, work.mapping))
        work.text = write_mapping(work.mapping)
    return work


def _name_of(request: HttpRequest, upload: BackfillUpload) -> str:
    """Name the mapping as it is to be kept, else as its file would be."""
    name = request.POST.get("save_as", "").strip()
    is_kept = name and is_name(name) and may(request.user, EDIT_MAPPINGS)
    return name if is_kept else file_name(upload.name)


def _of_file(request: HttpRequest, work: Work) -> Work:
    """Take the mapping from a file of its own; raise SourceError."""
    given = request.FILES.get("toml")
    if given is None or not given.name:
        work.errors.append("Choose a mapping file first.")
        return _as_far_as_it_goes(work, work.mapping.name)
    data: bytes = given.read(MAX_BYTES + 1)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = "\0"
    if len(data) > MAX_BYTES or "\0" in text:
        reason = f"{given.name}: the mapping is not UTF-8 text of at most {MAX_BYTES:,} bytes."
        raise SourceError(Problem("mapping_invalid", None, reason, ""))
    work.mapping, work.text = mapping_of_file(given.name, text.replace("\r\n", "\n"))
    work.notes.append(f"This is what {given.name} says.")
    return work


def undecided(work: Work) -> list[str]:
    """Say which columns and plans nobody has chosen yet; without a Lago to ask, its answer tells of plans."""
    if work.study is None or work.shown is None:
        return []
    fields = [f"Choose a column for {name}." for name in page.open_fields(work.shown)]
    still = page.open_tariffs(work.shown, work.study, work.codes) if work.codes else []
    if not still:
        return fields
    named = some_of([f"“{one.shown}”" for one in still], NAMED)
    return [*fields, f"Choose a plan for each old tariff: {named}."]

"""The page that compares a later file with what is imported. The file is read, compared and kept nowhere."""

from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern
from django.utils import timezone

from auditlog.models import Event, record
from customers.admin.access import RUN, actor, needs
from customers.admin.comparing_form import CompareForm
from customers.admin.error_rows import CONTENT_TYPES
from customers.admin.pages import Pages
from customers.admin.wording import in_console
from customers.backfill import uploads
from customers.backfill.compare import Comparison, Difference, Kind, Written, compare_file, files_of, words
from customers.backfill.engine.options import Options
from customers.backfill.page_looks import connected_for_a_page
from customers.backfill.refused import Refused
from customers.backfill.source import FileMapping, SourceError
from customers.models import BackfillRun
from kernel import RemoteError

SHOWN = 100  # differences of a kind; the command has them all, and so have the files
MOST_TO_CARRY = 1_500_000  # bytes: browsers refuse to save more from a page
MEANT = {
    "joined": "those who joined, to be imported",
    "cards": "new cards, to be imported with “Skip what exists”",
    "left": "those who left, to be reverted",
    "by-hand": "what is to be done by hand",
}
CANNOT = (Refused, RemoteError, ImproperlyConfigured)


@dataclass(frozen=True, slots=True)
class Section:
    """The differences of one kind, as many as a page shows."""

    kind: Kind
    title: str
    number: int
    rows: list[tuple[Difference, str]]
    to_do: str

    @property
    def more(self) -> int:
        return self.number - len(self.rows)

    # A column in which nothing stands is left out: who left has no line, a new card no former one.

    @property
    def has_lines(self) -> bool:
        return any(one.lines for one, _ in self.rows)

    @property
    def has_was(self) -> bool:
        return any(one.was or one.other for one, _ in self.rows)

    @property
    def has_now(self) -> bool:
        return any(one.now for one, _ in self.rows)

    @property
    def has_notes(self) -> bool:
        return any(cost or one.note for one, cost in self.rows)


@dataclass(frozen=True, slots=True)
class Download:
    """A file that the page carries; it is kept nowhere else. `href` is blank of one that is too large."""

    name: str
    number: int
    meant: str
    run: BackfillRun | None
    href: str


class ComparePages(Pages):
    def get_urls(self) -> list[URLPattern]:
        return [
            self.route("compare/", self.compare_view, "compare"),
            *super().get_urls(),  # type: ignore[misc]
        ]

    @needs(RUN)
    def compare_view(self, request: HttpRequest) -> HttpResponse:
        """Show the form; or compare, and show what came of it. That somebody read it is written down."""
        form = CompareForm(request.POST or None, request.FILES or None)
        context: dict[str, Any] = {"form": form}
        if request.method == "POST" and form.is_valid():
            try:
                found = _compared(form)
            except SourceError as error:
                for problem in error.problems:
                    form.add_error("file", in_console(f"{problem.message} {problem.hint}".strip()))
            except CANNOT as error:
                form.add_error(None, in_console(f"{error} {getattr(error, 'hint', '')}".strip()))
            else:
                _note(request, found)
                context |= _shown(found, form.cleaned_data["mapping"])
        return self.show(request, "compare", "Compare with what is imported", context)


def _compared(form: CompareForm) -> Comparison:
    """Compare while somebody waits; raise SourceError, Refused, RemoteError."""
    data, source = form.cleaned_data, form.source()
    uploads.count_rows(source)
    options = Options.through(data["mapping"], date_format=data["date_format"], decimal_mark=None)
    run = BackfillRun.objects.get(run_id=data["run"]) if data["run"] else None
    with connected_for_a_page() as systems:
        return compare_file(source, systems, options, now=timezone.now(), run=run)


def _note(request: HttpRequest, found: Comparison) -> None:
    detail = {"rows": found.read.rows, "differences": len(found.found.differences)}
    event = Event("comparison.read", f"file:{found.info.sha256[:12]}", detail)
    with transaction.atomic():
        record("admin", actor(request), [event])


def _shown(found: Comparison, mapping: FileMapping | None) -> dict[str, Any]:
    against = f"the run {found.run.run_id}" if found.run else "all runs that stand"
    return {
        "found": found,
        "against": against,
        "counts": [(words.TITLES[kind], number) for kind, number in found.found.counts.items() if number],
        "sums": [words.sum_sentence(one) for one in found.sums],
        "net": words.NET,
        "sections": list(_sections(found)),
        "downloads": [_download(one) for one in files_of(found, mapping)],
        "problems": found.read.flaws[:SHOWN],
        "more_problems": max(len(found.read.flaws) - SHOWN, 0),
        "remarks": found.found.remarks[:SHOWN],
        "more_remarks": max(len(found.found.remarks) - SHOWN, 0),
    }


def _sections(found: Comparison) -> Iterator[Section]:
    for kind in Kind:
        if some := found.found.of(kind):
            rows = [(one, words.cost_sentence(one)) for one in some[:SHOWN]]
            yield Section(kind, words.TITLES[kind], len(some), rows, words.to_do(kind))


def _download(file: Written) -> Download:
    kind = Path(file.name).suffix.removeprefix(".")
    content_type = CONTENT_TYPES.get(kind, f"text/{kind}")
    is_carried = len(file.content) <= MOST_TO_CARRY
    href = f"data:{content_type};base64,{b64encode(file.content).decode()}" if is_carried else ""
    run = BackfillRun.objects.filter(run_id=file.run_id).first() if file.run_id else None
    return Download(file.name, file.number, MEANT[file.kind], run, href)

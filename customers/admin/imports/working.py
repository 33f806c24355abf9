"""The preview as the place to work: remedies, options, corrections; each plans anew in its place."""

from collections.abc import Callable
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import URLPattern

from customers.admin.access import RUN, needs, staff
from customers.admin.error_rows import CONTENT_TYPES, as_file
from customers.admin.imports.cells import typed_in
from customers.admin.imports.columns.naming import corrected_name, file_name
from customers.admin.imports.confirming import preview_for
from customers.admin.imports.options_form import OptionsForm
from customers.admin.imports.previewing import PreviewPages
from customers.admin.pages import post_only
from customers.admin.wording import in_console
from customers.backfill import stored_preview
from customers.backfill import uploads as staging
from customers.backfill.corrections import correction, from_error_file, typed
from customers.backfill.edition import edition_of
from customers.backfill.preview_changes import PLANNED_ANEW, Change, carry_out
from customers.backfill.refused import Refused
from customers.backfill.remedies import chosen_plan, chosen_remedy
from customers.backfill.source import SourceError
from customers.models import BackfillUpload
from kernel import RemoteError

Make = Callable[[BackfillUpload], Change]

OUTDATED = "This preview was changed in the meantime. This is how it is now; do once more what you wanted."


class WorkingPages(PreviewPages):
    def get_urls(self) -> list[URLPattern]:
        return [
            self.route("import/<uuid:token>/remedy/", self.remedy_view, "remedy"),
            self.route("import/<uuid:token>/options/", self.options_view, "options"),
            self.route("import/<uuid:token>/correct/", self.correct_view, "correct"),
            self.route("import/<uuid:token>/merge/", self.merge_view, "merge"),
            self.route("import/<uuid:token>/corrected/", self.corrected_view, "corrected"),
            *super().get_urls(),
        ]

    @post_only
    @needs(RUN)
    def remedy_view(self, request: HttpRequest, token: UUID) -> HttpResponseBase:
        """Do what a button beside a cause says: the page says which one, the preview what it does."""
        upload = self._upload(request, token)
        if isinstance(upload, HttpResponse):
            return upload
        said = self._in_place(request, upload, lambda upload: _remedy(request, upload))
        if said:
            messages.error(request, said)
        return _to(upload)

    @post_only
    @needs(RUN)
    def options_view(self, request: HttpRequest, token: UUID) -> HttpResponseBase:
        upload = self._upload(request, token)
        if isinstance(upload, HttpResponse):
            return upload
        form = OptionsForm(request.POST)
        if form.is_valid():
            said = self._in_place(request, upload, lambda upload: _options(upload, form))
            if not said:
                return _to(upload)
            form.add_error(None, said)
        return self.preview(request, upload, options_form=form)

    @post_only
    @needs(RUN)
    def correct_view(self, request: HttpRequest, token: UUID) -> HttpResponseBase:
        """Take corrected cells and rows to be left out; what was typed stays on the page if it cannot be."""
        upload = self._upload(request, token)
        if isinstance(upload, HttpResponse):
            return upload
        said = self._in_place(request, upload, lambda upload: _typed(request, upload))
        if not said:
            return _to(upload, "#rows")
        messages.error(request, said)
        return self.preview(request, upload, typed=request.POST)

    @post_only
    @needs(RUN)
    def merge_view(self, request: HttpRequest, token: UUID) -> HttpResponseBase:
        upload = self._upload(request, token)
        if isinstance(upload, HttpResponse):
            return upload
        said = self._in_place(request, upload, lambda upload: _merged(request, upload))
        if said:
            messages.error(request, said)
        return _to(upload, "#rows")

    @needs(RUN)
    def corrected_view(self, request: HttpRequest, token: UUID) -> HttpResponseBase:
        """Return the file as it is with its corrections: what would be imported."""
        upload = preview_for(request, token)
        if upload is None:
            return self.instead_of(request, token)
        kind = upload.name.rpartition(".")[2].casefold()
        content_type = CONTENT_TYPES.get(kind, f"text/{kind}")
        return as_file(bytes(upload.data), corrected_name(upload.name), content_type)

    def _upload(self, request: HttpRequest, token: UUID) -> BackfillUpload | HttpResponse:
        """Find the preview that the page showed; else return where to go on."""
        upload = preview_for(request, token)
        if upload is None:
            return self.instead_of(request, token)
        if upload.run_id:
            return redirect("admin:customers_backfillrun_change", upload.run_id)
        if request.POST.get("edition") != edition_of(upload):
            messages.error(request, OUTDATED)
            return _to(upload)
        return upload

    @staticmethod
    def _in_place(request: HttpRequest, upload: BackfillUpload, make: Make) -> str:
        """Make a change and plan it in place; return why it cannot be, with everything as it was."""
        try:
            fails = carry_out(upload, make(upload), staff(request))
        except SourceError as error:
            return in_console(str(error))
        except Refused as error:
            return in_console(f"{error} {error.hint}".strip())
        except (RemoteError, ImproperlyConfigured) as error:
            return f"{error} The preview is as it was."
        left = f"{fails:,} {'row has' if fails == 1 else 'rows have'} problems." if fails else "No row fails."
        messages.success(request, f"Planned anew. {left}")
        return ""


def _to(upload: BackfillUpload, anchor: str = "") -> HttpResponse:
    answer = redirect("admin:customers_backfillrun_preview", token=upload.pk)
    answer["Location"] += anchor
    return answer


def _number(given: str | None) -> int:
    return int(given) if given and given.isdecimal() and len(given) < 10 else -1


def _remedy(request: HttpRequest, upload: BackfillUpload) -> Change:
    preview, name = stored_preview.unpack(upload), file_name(upload.name)
    cause = _number(request.POST.get("cause"))
    if "plan_code" in request.POST:
        return chosen_plan(upload, preview, cause, request.POST["plan_code"], name)
    return chosen_remedy(upload, preview, cause, _number(request.POST.get("remedy")), name)


def _options(upload: BackfillUpload, form: OptionsForm) -> Change:
    mapping = staging.mapping_of(upload)
    options = {
        **form.options_through(mapping).as_json(),
        **staging.way_of(form.reading_through(mapping)),
        **({"no_wait": form.does_not_wait} if "no_wait" in form.fields else {}),
        "corrected": upload.options.get("corrected"),
    }
    changed = sorted(name for name, value in options.items() if value != upload.options.get(name))
    return Change(PLANNED_ANEW, {"options": changed}, options)


def _typed(request: HttpRequest, upload: BackfillUpload) -> Change:
    texts, without = typed_in(request.POST)
    source = staging.open_upload(upload).held()
    return correction(upload, source, typed(source, texts, without))


def _merged(request: HttpRequest, upload: BackfillUpload) -> Change:
    file = request.FILES.get("rows")
    if file is None or not file.name:
        raise Refused("Choose the file with the corrected rows first.")
    if file.size is None or file.size > settings.MAX_UPLOAD_BYTES:
        raise Refused(f"The file is larger than {settings.MAX_UPLOAD_BYTES // 2**20} MB.")
    source = staging.open_upload(upload).held()
    return correction(upload, source, from_error_file(upload, source, file.name, file.read()))

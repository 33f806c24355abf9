"""The page of a preview, its error file, and its end without a run."""

from contextlib import suppress
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import URLPattern

from auditlog.people import actor_names
from customers.admin.access import RUN, may, needs, staff
from customers.admin.error_rows import error_rows
from customers.admin.imports.confirming import ConfirmForm, confirmation_of, preview_for
from customers.admin.imports.options_form import OptionsForm, chosen
from customers.admin.imports.page import preview_context
from customers.admin.pages import Pages, post_only
from customers.backfill import stored_preview
from customers.backfill import uploads as staging
from customers.backfill.edition import edition_of
from customers.backfill.preview_ends import end_of
from customers.backfill.source import SourceError
from customers.models import BackfillUpload
from kernel import Problem

TOO_OLD = (
    "That preview is older than an hour, so its file is gone. It was not imported. Upload the file again."
)
OTHERS = "That is a file of {}, and only they can do this with it. Ask them, or upload the file yourself."


class PreviewPages(Pages):
    def get_urls(self) -> list[URLPattern]:
        return [
            self.route("import/<uuid:token>/", self.preview_view, "preview"),
            self.route("import/<uuid:token>/errors/", self.errors_view, "errors"),
            self.route("import/<uuid:token>/discard/", self.discard_view, "discard"),
            *super().get_urls(),  # type: ignore[misc]
        ]

    @needs(RUN)
    def preview_view(self, request: HttpRequest, token: UUID) -> HttpResponse:
        return self.open_preview(request, token)

    def open_preview(self, request: HttpRequest, token: UUID) -> HttpResponse:
        """Show a preview, or lead to what became of it; whoever calls this has looked who asks."""
        upload = preview_for(request, token)
        if upload is None:
            return self.instead_of(request, token)
        if upload.run_id:
            return redirect("admin:customers_backfillrun_change", upload.run_id)
        return self.preview(request, upload)

    def preview(
        self,
        request: HttpRequest,
        upload: BackfillUpload,
        *,
        options_form: OptionsForm | None = None,
        typed: QueryDict | None = None,
    ) -> HttpResponse:
        """Show the page; with options that cannot be, or with what was typed and cannot be either."""
        mapping = None
        with suppress(SourceError):  # of a version that knew more
            mapping = staging.mapping_of(upload)
        context = {
            "upload": upload,
            "edition": edition_of(upload),
            "is_own": upload.uploaded_by_id == staff(request).pk,
            "confirm_form": ConfirmForm(user=staff(request), initial=confirmation_of(upload, request)),
            "options_form": options_form or OptionsForm(initial=chosen(upload.options, mapping)),
            "may_run": may(request.user, RUN),
            **self.more_of(request, upload),
            **preview_context(upload, request.GET, typed),
        }
        return self.show(request, "preview", f"Preview of {upload.name}", context)

    def more_of(self, request: HttpRequest, upload: BackfillUpload) -> dict[str, Any]:
        """Return what other pages have to say on this one."""
        return {}

    @needs(RUN)
    def errors_view(self, request: HttpRequest, token: UUID) -> HttpResponse:
        """Return the rows that need attention in the form in which they came, with what is wrong."""
        upload = preview_for(request, token)
        if upload is None:
            raise Http404
        problems = {
            row["line"]: [Problem(**problem) for problem in row["problems"]]
            for row in stored_preview.unpack(upload).rows
            if row["problems"]
        }
        return error_rows(upload, problems)

    @post_only
    @needs(RUN)
    def discard_view(self, request: HttpRequest, token: UUID) -> HttpResponse:
        if not staging.discard(token, staff(request)):
            return self.instead_of(request, token)
        messages.info(request, "The preview and its file are deleted. Nothing was imported.")
        return redirect("admin:customers_backfillrun_import")

    def instead_of(self, request: HttpRequest, token: UUID) -> HttpResponse:
        """Say what became of a preview that this person cannot open, and lead to where they can go on."""
        end = end_of(token)
        if end and end.run:
            messages.info(request, "That preview was confirmed: this is its run.")
            return redirect("admin:customers_backfillrun_change", end.run.pk)
        if end:
            messages.info(
                request, f"That preview was discarded by {_who(end.entry.actor)}. Nothing was imported."
            )
            return redirect("admin:customers_backfillrun_import")
        upload = BackfillUpload.objects.without_content().filter(pk=token).first()
        if upload and not upload.is_expired() and upload.uploaded_by != request.user:
            return self.begin_again(request, OTHERS.format(_who(upload.actor)))
        return self.begin_again(request, TOO_OLD)

    @staticmethod
    def begin_again(request: HttpRequest, message: str) -> HttpResponse:
        messages.error(request, message)
        return redirect("admin:customers_backfillrun_import")


def _who(actor: str) -> str:
    return actor_names([actor])[actor]

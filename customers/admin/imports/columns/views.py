"""From a file whose columns are its own to its preview: look, choose, look again, plan."""

from typing import Any
from uuid import UUID

from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern

from customers.admin.access import EDIT_MAPPINGS, RUN, actor, may, needs, staff
from customers.admin.imports.columns import page
from customers.admin.imports.columns.chosen import base_of
from customers.admin.imports.columns.naming import mapping_file
from customers.admin.imports.columns.starting import told
from customers.admin.imports.columns.work import Work, begun, taken, undecided
from customers.admin.imports.confirming import file_for
from customers.admin.pages import Pages
from customers.backfill import preview_changes
from customers.backfill import uploads as staging
from customers.backfill.kept_mappings import MAX_NAME, keep_mapping
from customers.backfill.refused import Refused
from customers.backfill.source import SourceError
from customers.models import BackfillMapping
from kernel import RemoteError

TOO_OLD = "That file is older than an hour, or was discarded. Upload it again."


class ColumnPages(Pages):
    def get_urls(self) -> list[URLPattern]:
        return [
            self.route("import/<uuid:token>/columns/", self.columns_view, "columns"),
            self.route("import/<uuid:token>/columns/file/", self.columns_file_view, "columns_file"),
            *super().get_urls(),  # type: ignore[misc]
        ]

    @needs(RUN)
    def columns_view(self, request: HttpRequest, token: UUID) -> HttpResponse:
        """Show the page; or take what was chosen, show it again, or plan with it."""
        upload = file_for(request, token)
        if upload is None:
            return self.begin_again(request, TOO_OLD)  # type: ignore[attr-defined, no-any-return]
        if upload.run_id:
            return redirect("admin:customers_backfillrun_change", upload.run_id)
        if request.method != "POST":
            return self._show(request, begun(request, upload))
        work = taken(request, upload)
        if "plan" in request.POST and not work.errors and self._planned(request, work):
            return redirect("admin:customers_backfillrun_preview", token=upload.pk)
        return self._show(request, work)

    @needs(RUN)
    def columns_file_view(self, request: HttpRequest, token: UUID) -> HttpResponse:
        """Return the mapping as a file: the one that the page shows, or the one that was planned with."""
        upload = file_for(request, token)
        if upload is None:
            return self.begin_again(request, TOO_OLD)  # type: ignore[attr-defined, no-any-return]
        return mapping_file(upload.name, base_of(request.POST) or upload.mapping)

    def _planned(self, request: HttpRequest, work: Work) -> bool:
        """Keep the mapping if it has a name, and plan through it; return whether there is a preview."""
        work.look()
        if not work.errors:
            work.errors += undecided(work)
        if work.errors or not work.study:
            return False
        try:
            change = preview_changes.through(work.upload, work.mapping, work.text)
            anew = preview_changes.changed(work.upload, change)
            self._keep(request, work, work.study.info.header)
            staging.planned(anew)
            preview_changes.put_in_place(work.upload, anew, change, staff(request))
        except SourceError as error:
            work.errors += told(error)
        except Refused as error:
            work.errors.append(f"{error} {error.hint}".strip())
        except (RemoteError, ImproperlyConfigured) as error:
            work.errors.append(str(error))
        return not work.errors

    def _keep(self, request: HttpRequest, work: Work, header: tuple[str, ...]) -> None:
        name = request.POST.get("save_as", "").strip()
        if name and may(request.user, EDIT_MAPPINGS):
            keep_mapping(
                name, work.text, work.mapping, header,
                actor=actor(request), overwrite="overwrite" in request.POST,
            )  # fmt: skip

    def _show(self, request: HttpRequest, work: Work) -> HttpResponse:
        if work.study is None:
            work.look()
        return self.show(request, "columns", f"Columns of {work.upload.name}", self._context(request, work))

    @staticmethod
    def _context(request: HttpRequest, work: Work) -> dict[str, Any]:
        columns = (
            page.choices_of_columns(work.shown, work.study, work.codes) if work.study and work.shown else {}
        )
        kind = work.upload.name.rpartition(".")[2].casefold()
        return {
            "upload": work.upload,
            "errors": list(dict.fromkeys(work.errors)),
            "notes": work.notes,
            "undecided": work.undecided,
            "base": work.text,
            "mapping_name": work.name,
            "kept": BackfillMapping.objects.only("pk", "name"),
            "may_keep": may(request.user, EDIT_MAPPINGS),
            "save_as": request.POST.get("save_as", work.name),
            "max_name": MAX_NAME,
            "kept_until": work.upload.expires_at,
            **page.choices_of_form(work.mapping.form, kind, work.study),
            **columns,
        }

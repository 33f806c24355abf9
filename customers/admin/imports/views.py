"""Upload and confirm, as django-import-export leads through it."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from import_export.admin import ImportMixin

from customers.admin.access import RUN, may, staff
from customers.admin.imports.approving import ApprovalPages
from customers.admin.imports.columns.mending import can_be_mapped, prove_table
from customers.admin.imports.columns.views import ColumnPages
from customers.admin.imports.confirming import FIRST_INVALID, ConfirmForm, preview_for
from customers.admin.imports.formats import UPLOAD_FORMATS
from customers.admin.imports.forms import UploadForm
from customers.admin.imports.open_previews import open_previews
from customers.admin.imports.previewing import TOO_OLD
from customers.admin.imports.storage import UploadStorage
from customers.admin.pages import post_only
from customers.admin.wording import in_console
from customers.backfill import approvals, approved, stored_preview
from customers.backfill import uploads as staging
from customers.backfill.ledger import schedule
from customers.backfill.preview_ends import end_of
from customers.backfill.refused import Refused
from customers.backfill.source import SourceError
from customers.models import BackfillRun, BackfillUpload
from customers.resources import RunResource
from kernel import Problem, RemoteError


class ImportPages(ColumnPages, ApprovalPages, ImportMixin):  # type: ignore[misc]
    """The import's part of the admin of runs; mixed in before ModelAdmin."""

    resource_classes = [RunResource]
    formats = UPLOAD_FORMATS
    import_form_class = UploadForm
    confirm_form_class = ConfirmForm
    tmp_storage_class = UploadStorage
    import_template_name = "admin/customers/backfillrun/import.html"
    skip_admin_log = True
    import_error_display = ("message",)

    def has_import_permission(self, request: HttpRequest) -> bool:
        return may(request.user, RUN)

    # --- upload --------------------------------------------------------------------------------------

    def import_action(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """Show the form, or take a file, prove that it could be queued, plan it, and lead to its preview."""
        response: TemplateResponse = super().import_action(request, **kwargs)
        context = response.context_data or {}
        context["open_previews"] = open_previews(staff(request))
        context["is_required"] = approvals.is_required()
        if unread := context["form"].unread:
            return redirect("admin:customers_backfillrun_columns", token=unread.pk)
        upload = _uploaded(context["form"])
        if upload is None:
            return response
        if "confirm_form" not in context:
            for message in _told(context.get("result")):
                context["form"].add_error(None, message)
        elif self._plan(context["form"], upload):
            return redirect("admin:customers_backfillrun_preview", token=upload.pk)
        upload.delete()
        return response

    def write_to_tmp_storage(self, import_file: Any, input_format: Any) -> UploadStorage:
        """Keep the file. Called by the library outside any transaction; raises what the next step tells."""
        return UploadStorage(upload=import_file.upload)

    def create_import_form(self, request: HttpRequest) -> UploadForm:
        """Store the file as soon as the form is good: nothing after it in the library knows the user."""
        form: UploadForm = super().create_import_form(request)
        if request.method == "POST" and form.is_valid():
            self._store(request, form)
        return form

    def _store(self, request: HttpRequest, form: UploadForm) -> None:
        """Keep the file: to be planned or, with an error that ends it here, to be mapped first."""
        file = form.cleaned_data["import_file"]
        name, data = file.name, file.read()
        chosen = (name, data, form.reading(), form.options(), staff(request))
        try:
            if not form.makes_mapping:
                file.upload = staging.keep(*chosen, no_wait=form.does_not_wait)
                return
            prove_table(name, data)
        except SourceError as error:
            _add_problems(form, error.problems)
            if form.makes_mapping or not can_be_mapped(name, data, error):
                return
        form.unread = staging.keep_as_it_is(*chosen, no_wait=form.does_not_wait)
        form.add_error(None, "Say first what its columns mean.")

    def _plan(self, form: UploadForm, upload: BackfillUpload) -> bool:
        upload.refresh_from_db()
        try:
            staging.plan_upload(upload)
        except SourceError as error:
            _add_problems(form, error.problems)
        except Refused as error:
            form.add_error(None, f"{error} {error.hint}".strip())
        except (RemoteError, ImproperlyConfigured) as error:
            form.add_error(None, str(error))
        return not form.errors

    # --- confirm -------------------------------------------------------------------------------------

    @post_only
    def process_import(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """Queue the run, or say honestly why not. A second click leads to the run that the first one made."""
        if not self.has_import_permission(request):
            raise PermissionDenied
        form = self.create_confirm_form(request)
        if not form.is_valid():
            return self._invalid(request, form)
        upload = preview_for(request, UUID(form.cleaned_data["import_file_name"]))
        if upload is None:
            return self.instead_of(request, UUID(form.cleaned_data["import_file_name"]))
        if upload.run_id is None and not self._may_go(upload):
            return self.begin_again(request, "Rows would fail. Correct them on the page of the preview.")
        if upload.run_id:
            messages.info(request, "This import was started already.")
            return redirect("admin:customers_backfillrun_change", upload.run_id)
        if not approved.standing_of(upload, stored_preview.unpack(upload)).may_import:
            messages.error(request, "Somebody else has to approve this plan first. Nothing was started.")
            return redirect("admin:customers_backfillrun_preview", token=upload.pk)
        try:
            return super().process_import(request, **kwargs)  # type: ignore[no-any-return]
        except SourceError:
            return self.begin_again(request, "The stored file cannot be read any more. Upload it again.")

    def _invalid(self, request: HttpRequest, form: ConfirmForm) -> HttpResponse:
        """Say what is wrong with a confirmation: on its preview, where only a field of it is."""
        if token := _confirmed(request.POST.get("import_file_name", "")):
            return self.instead_of(request, token)
        if not form.is_of_a_preview:
            return self.begin_again(request, "; ".join(form.non_field_errors()) or TOO_OLD)
        told = [FIRST_INVALID] if form.errors.get("first") else []
        told += [in_console(" ".join(hour))] if (hour := form.errors.get("starts_on")) else []
        messages.error(request, f"Nothing was started. {' '.join(told)}")
        return redirect("admin:customers_backfillrun_preview", token=form.cleaned_data["import_file_name"])

    def process_result(self, result: Any, request: HttpRequest) -> HttpResponse:
        if result.has_errors() or result.has_validation_errors():
            token = request.POST["import_file_name"]
            for message in _told(result):
                messages.error(request, f"Nothing was started. {message}")
            return redirect("admin:customers_backfillrun_preview", token=token)
        run: BackfillRun = result.rows[0].instance
        hour = schedule.told(run)
        begins = f"begins at {hour}" if hour else "is queued"
        messages.success(request, f"Run {run.run_id} {begins}. This page follows it.")
        return redirect("admin:customers_backfillrun_change", run.pk)

    @staticmethod
    def _may_go(upload: BackfillUpload) -> bool:
        return upload.options["allow_partial"] or not stored_preview.unpack(upload).fails

    # --- what the library asks for -------------------------------------------------------------------

    def get_import_resource_kwargs(self, request: HttpRequest, **kwargs: Any) -> dict[str, Any]:
        """Return the Resource's upload: of the form just filled in, or that a confirmation names."""
        form = kwargs.get("form")
        if isinstance(form, ConfirmForm):
            upload = preview_for(request, UUID(form.cleaned_data["import_file_name"]))
            if upload:
                upload.uploaded_by = staff(request)  # whose the run is from here on
                upload.options["first"] = form.cleaned_data["first"]
            return {"upload": upload, "hour": form.hour, "edition": form.edition}
        return {"upload": _uploaded(form) if form is not None and form.is_bound else None}

    def get_import_data_kwargs(self, **kwargs: Any) -> dict[str, Any]:
        """Roll back on a refused row too, which the library does not do by itself."""
        return {**super().get_import_data_kwargs(**kwargs), "rollback_on_validation_errors": True}

    def get_confirm_form_kwargs(self, request: HttpRequest, import_form: Any = None) -> dict[str, Any]:
        return {**super().get_confirm_form_kwargs(request, import_form), "user": staff(request)}


def _uploaded(form: Any) -> BackfillUpload | None:
    file = getattr(form, "cleaned_data", {}).get("import_file")
    return getattr(file, "upload", None)


def _confirmed(token: str) -> UUID | None:
    """Return the number of a preview that became a run, whose file may be gone; None of anything else."""
    try:
        end = end_of(UUID(token))
    except ValueError:
        return None
    return UUID(token) if end and end.run else None


def _told(result: Any) -> list[str]:
    """Return what the library's result says went wrong; a clash of two clicks in our words."""
    if result is None:
        return []
    refused = [message for row in result.invalid_rows for message in row.error.messages]
    if refused:
        return [in_console(message) for message in refused]
    return ["This file is being worked on already."] if result.has_errors() else []


def _add_problems(form: UploadForm, problems: tuple[Problem, ...]) -> None:
    for problem in problems:
        form.add_error("import_file", in_console(f"{problem.message} {problem.hint}".strip()))

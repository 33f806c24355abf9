"""The page of a run, its files; continue."""

from typing import Any

from django.conf import settings
from django.db import transaction
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.urls import URLPattern
from django.utils import timezone
from django.utils.http import content_disposition_header

from auditlog.models import Event, record
from customers.admin import reachable
from customers.admin.access import (
    APPROVE,
    AUDIT,
    CONTROL,
    CUSTOMERS,
    ID_TAGS,
    ON_RUNS,
    REVERT,
    RUN,
    WELCOME,
    actor,
    may,
    needs,
    staff,
)
from customers.admin.following import has_seen
from customers.admin.pages import Pages, post_only
from customers.admin.runs import page
from customers.admin.runs.controlling import controls_of
from customers.admin.runs.failed import failed_rows
from customers.admin.runs.results import RESULTS, check_size, results_of
from customers.admin.runs.starts import starts_of
from customers.admin.runs.stepping import stepper_of
from customers.admin.runs.telling import told_of
from customers.backfill import uploads as staging
from customers.backfill.ledger.log_parts import path_of, text_of
from customers.backfill.ledger.standing import shown_status
from customers.backfill.ledger.taken_back import taken_back
from customers.backfill.refused import Refused
from customers.backfill.results import ResultsError
from customers.backfill.revert.chosen import NOT_CHOSEN
from customers.backfill.source import SourceError
from customers.models import BackfillRun


class RunPages(Pages):
    def get_urls(self) -> list[URLPattern]:
        return [
            self.route("systems/<str:key>/", self.system_view, "system"),
            self.route("<int:pk>/files/<str:kind>/", self.file_view, "file"),
            self.route("<int:pk>/failed/", self.failed_view, "failed"),
            self.route("<int:pk>/results/<str:kind>/", self.results_view, "results"),
            self.route("<int:pk>/continue/", self.continue_view, "continue"),
            *super().get_urls(),  # type: ignore[misc]
        ]

    @needs(*ON_RUNS)
    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show the run: nothing of it can be edited."""
        run = self.run(object_id) if object_id.isdigit() else None
        if run is None:
            raise Http404
        live = self._live(request, run)
        following = live["live"].following
        is_same = has_seen(request, following)
        rest = {"is_same": True} if is_same else self._rest(request, run)
        return self.follow(request, "page", f"Run {run.run_id}", live | rest, following)

    def _rest(self, request: HttpRequest, run: BackfillRun) -> dict[str, Any]:
        """Return what is below the live part, which a page that is followed gets only when it has changed."""
        return {
            "who": page.who(run),
            "approvals": page.approvals_of(run),
            "may_see_plans": may(request.user, RUN, APPROVE),
            "platform": page.platform_of(run),
            "steps": page.steps_of(run),
            "starts": starts_of(run, timezone.now().date()),
            "result_kinds": RESULTS,
            "taken_back": len(taken_back(run)) - len(run.taking_back),
            "may_choose": may(request.user, REVERT) and shown_status(run) not in NOT_CHOSEN,
            "downloads": dict.fromkeys(page.downloads_of(run), True),
            "told": told_of(run),
            "entries": page.entries_of(run) if may(request.user, AUDIT) else [],
            "may_see_customers": may(request.user, CUSTOMERS),
            **page.rows_page(run, request.GET),
        }

    @needs(*ON_RUNS)
    def system_view(self, request: HttpRequest, key: str) -> HttpResponse:
        """Ask one system how it is, for the overview, which does not wait for it."""
        system = reachable.look_up(key)
        if system is None:
            raise Http404
        return render(request, "admin/customers/system.html", {"system": system})

    def _live(self, request: HttpRequest, run: BackfillRun) -> dict[str, Any]:
        live = page.live(run)
        return {
            "run": run,
            "live": live,
            "stepper": stepper_of(live, staff(request)),
            "may_run": may(request.user, RUN),
            "controls": controls_of(
                run, staff(request), is_at_work=live.is_writing or live.goes_on, by_worker=live.by_worker
            ),
            "may_see_mails": may(request.user, WELCOME, CONTROL),
            "may_revert": may(request.user, REVERT),
            "may_welcome": may(request.user, WELCOME),
            "may_see_cards": bool(settings.STEVE_BASE_URL) and may(request.user, *ID_TAGS),
        }

    @needs(*ON_RUNS)
    def file_view(
        self, request: HttpRequest, pk: int, kind: str
    ) -> HttpResponse | FileResponse | StreamingHttpResponse:
        """Return the run's log or its revert's manifest, as it is up to now."""
        run = self.run(pk)
        path = page.files_of(run).get(kind)
        if path is not None and not page.is_written_together(run, kind):
            return FileResponse(
                path.open("rb"), as_attachment=True, filename=path.name, content_type="text/plain"
            )
        if kind not in page.downloads_of(run):
            raise Http404
        log = page.LOGS[kind]
        name = path_of(run, settings.BACKFILL_LOG_DIR, log).name
        headers = {"Content-Disposition": content_disposition_header(True, name) or "attachment"}
        return StreamingHttpResponse(text_of(run, log), content_type="text/plain", headers=headers)

    @needs(RUN)
    def failed_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Return the rows that failed with what is wrong. They may hold people's data: it is written down."""
        run = self.run(pk)
        with transaction.atomic():
            record(run.audit_tag, actor(request), [Event("run.failed_rows_read", f"run:{run.run_id}")])
        return failed_rows(run)

    @needs(RUN)
    def results_view(self, request: HttpRequest, pk: int, kind: str) -> HttpResponse | FileResponse:
        """Return what came of each row. With the file, if that is kept, these are people's data."""
        run = self.run(pk)
        if kind not in RESULTS:
            raise Http404
        try:
            check_size(run, kind)
            with transaction.atomic():
                record(run.audit_tag, actor(request), [Event("run.results_read", f"run:{run.run_id}")])
            return results_of(run, kind)
        except (ResultsError, SourceError) as error:
            self.say(request, Refused(str(error)))
            return self.back(run)

    @post_only
    @needs(RUN)
    def continue_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        run = self.run(pk)
        try:
            staging.continue_run(run, staff(request), with_rest="rest" in request.POST)
        except Refused as refused:
            self.say(request, refused)
        return self.back(run)

"""The list of runs."""

from typing import Any

from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.views import ChangeList

from auditlog.people import actor_names
from auditlog.templatetags.moments import ago
from customers.admin.runs.figures import segments
from customers.backfill.ledger import at_work
from customers.backfill.ledger.counts import counts_of
from customers.backfill.ledger.standing import shown_status
from customers.models import BackfillRun

DASH = "—"


class RunChangeList(ChangeList):  # type: ignore[misc]
    """Adds the figures to the runs of the page that is shown: one query for all, not one for each."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        runs: list[Any] = [*self.result_list]
        counts, names = counts_of(runs), actor_names(run.actor for run in runs)
        running = at_work.runs_at_work()
        for run in runs:
            run.row_counts = counts.get(run.pk, {})
            run.who = names[run.actor]
            run.shown_status = shown_status(run, running)
        self.result_list: list[Any] = runs


def status_tag(status: str) -> SafeString:
    return format_html('<span class="pb-tag pb-{}">{}</span>', status.replace(" ", "-"), status)


def bar(counts: dict[str, int], *, is_over: bool = False) -> SafeString | str:
    """Draw the outcomes as one line, with the numbers for who cannot see it; grey of a reverted run."""
    parts = segments(counts)
    if not parts:
        return DASH
    told = ", ".join(f"{part.number:,} {part.name}" for part in parts)
    spans = format_html_join(
        "", '<span class="pb-{}" style="width:{}%"></span>', ((part.name, part.percent) for part in parts)
    )
    return format_html(
        '<span class="pb-bar{}" role="img" aria-label="{}" title="{}">{}</span>',
        " pb-over" if is_over else "",
        told,
        told,
        spans,
    )


class RunColumns:
    """The columns of the list, as methods of a ModelAdmin."""

    def started(self, obj: BackfillRun) -> SafeString | str:
        return ago(obj.started_at)

    def file(self, obj: BackfillRun) -> str:
        return obj.input_name

    def status_(self, obj: Any) -> SafeString:
        return status_tag(obj.shown_status)

    def who(self, obj: Any) -> str:
        return str(obj.who)

    def rows(self, obj: Any) -> str:
        return f"{sum(obj.row_counts.values()):,}" if obj.row_counts else DASH

    def outcomes(self, obj: Any) -> SafeString | str:
        return bar(obj.row_counts, is_over=obj.shown_status == BackfillRun.Status.REVERTED)

    status_.short_description = "status"  # type: ignore[attr-defined]

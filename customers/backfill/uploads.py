"""From an uploaded file to a queued run: kept, planned, confirmed, forgotten. HTTP only in `plan_upload`."""

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from itertools import islice
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from customers import queueing
from customers.backfill import approvals, approved, preview_ends, stored_preview
from customers.backfill.difference import Differs, basis_to_keep, by_difference
from customers.backfill.edition import edition_of
from customers.backfill.engine.acceptance import ANEW, KEY
from customers.backfill.engine.options import Options
from customers.backfill.engine.planning import Basis, plan_file
from customers.backfill.engine.report import Report
from customers.backfill.ledger import at_work, identity, life
from customers.backfill.page_looks import connected_for_a_page
from customers.backfill.refused import Refused
from customers.backfill.source import (
    FileMapping,
    Reading,
    Source,
    SourceError,
    parse_mapping,
    read_bytes,
)
from customers.backfill.source.mapping.writing import write_mapping
from customers.backfill.systems import Systems
from customers.models import BackfillRun, BackfillUpload, User
from kernel import Problem
from kernel.deadline import Deadline

Status = BackfillRun.Status
IMPORT_TASK = "customers.tasks.import_run"
PREVIEW_AGAIN = "Preview the file again."  # the end of a reason that continuing does not get past
INVOICED_TODAY = "invoiced_today:"  # how the reason begins where the guard of a run stopped it
KEPT = timedelta(hours=24)  # after a run stopped: so long it can be continued without the file


def keep(
    name: str, data: bytes, reading: Reading, options: Options, user: User, *, no_wait: bool = False
) -> BackfillUpload:
    """Store a file; raise SourceError if it cannot be read, or has more rows than a page can wait for.

    `no_wait`: nobody is to wait for the platform's sync at the end.
    """
    mapping = reading.mapping
    source = read_bytes(name, data, **way_of(reading), mapping=mapping)
    rows = count_rows(source)
    chosen = {**way_of(reading), **options.over(source.info).as_json()}
    return _store(name, data, mapping, chosen, user, rows=rows, no_wait=no_wait)


def keep_as_it_is(
    name: str, data: bytes, reading: Reading, options: Options, user: User, *, no_wait: bool = False
) -> BackfillUpload:
    """Store a file of which a mapping has yet to say what its columns mean."""
    chosen = {**options.as_json(), **way_of(reading)}
    return _store(name, data, reading.mapping, chosen, user, rows=0, no_wait=no_wait)


def _store(
    name: str, data: bytes, mapping: FileMapping | None, chosen: dict[str, Any], user: User,
    *, rows: int, no_wait: bool,
) -> BackfillUpload:  # fmt: skip
    chosen |= {"no_wait": True} if no_wait else {}
    return BackfillUpload.objects.create(
        name=name[:255],
        data=data,
        sha256=hashlib.sha256(data).hexdigest(),
        options=chosen,
        mapping=write_mapping(mapping) if mapping else "",
        uploaded_by=user,
        rows=rows,
    )


def count_rows(source: Source) -> int:
    """Count what a page can wait for; raise SourceError if it is more, or cannot be read to the end."""
    rows = sum(1 for _ in islice(source, settings.MAX_UPLOAD_ROWS + 1))
    if rows > settings.MAX_UPLOAD_ROWS:
        message = f"{source.info.name} has more than {settings.MAX_UPLOAD_ROWS:,} rows."
        raise SourceError(Problem("file_unreadable", None, message, "Use the command backfill_customers."))
    return rows


def way_of(reading: Reading) -> dict[str, str | None]:
    return {
        "encoding": reading.encoding,
        "delimiter": reading.delimiter,
        "hidden_rows": reading.hidden_rows,
    }


def open_upload(upload: BackfillUpload) -> Source:
    """Read the stored bytes; raise SourceError."""
    return read_bytes(
        upload.name,
        bytes(upload.data),
        encoding=upload.options["encoding"],
        delimiter=upload.options["delimiter"],
        hidden_rows=upload.options.get("hidden_rows"),  # 1.0 did not know it
        mapping=mapping_of(upload),
    )


def mapping_of(upload: BackfillUpload) -> FileMapping | None:
    """Return the mapping through which a file is read, if it is; raise SourceError."""
    name = upload.options.get("mapping_name") or upload.name
    return parse_mapping(name, upload.mapping) if upload.mapping else None


def options_of(upload: BackfillUpload) -> Options:
    return Options.kept(upload.options)


def plan_upload(upload: BackfillUpload, deadline: Deadline | None = None) -> Report:
    """Plan as a dry-run does, and keep what it says; raise SourceError, Refused or RemoteError.

    `deadline` is that of a page which has asked the systems for something else before.
    """
    report = planned(upload, deadline)
    upload.save(update_fields=["preview"])
    return report


def planned(upload: BackfillUpload, deadline: Deadline | None = None) -> Report:
    """Plan, and fill in the preview without keeping it; raise SourceError, Refused or RemoteError."""
    with _connected(upload, deadline) as (systems, source, basis):
        logs = settings.BACKFILL_LOG_DIR
        report = plan_file(source, systems, basis.options, now=basis.now, log_dir=logs)
        is_for_approval = approvals.is_required()
        upload.preview = stored_preview.pack(report, basis_to_keep(basis), for_approval=is_for_approval)
    return report


def planned_by_difference(upload: BackfillUpload, before: BackfillUpload, differs: Differs) -> bool:
    """Fill in the preview by what differs from another one; False where the whole has to be planned.

    So it is where somebody else approves: they agree to the whole. Raises as `planned` does.
    """
    if approvals.is_required():
        return False
    with _connected(upload) as (_, source, basis):
        found = by_difference(stored_preview.unpack(before), differs, source, basis)
    if found is not None:
        upload.preview = found
    return found is not None


@contextmanager
def _connected(
    upload: BackfillUpload, deadline: Deadline | None = None
) -> Iterator[tuple[Systems, Source, Basis]]:
    """Open the file and the systems; while these are open, they say which ones they are."""
    options = options_of(upload)
    with connected_for_a_page(deadline, concurrency=options.concurrency) as systems:
        source = open_upload(upload)
        yield systems, source, Basis.of(source.info, systems, _looked_at(options), timezone.now())


def _looked_at(options: Options) -> Options:
    """Have the tick accept what this very preview names, whatever the run it continues was told before."""
    return replace(options, accept_invoices_today=ANEW) if options.accept_invoices_today else options


# --- confirming --------------------------------------------------------------------------------------


def run_in_the_way(sha256: str) -> BackfillRun | None:
    """Find a run over the same file that is waiting or working, or being taken back."""
    working = (Status.QUEUED, Status.RUNNING, Status.REVERTING)
    run = identity.over(sha256).filter(status__in=working).first()
    if run is None or run.status != Status.RUNNING or at_work.is_busy():
        return run
    return None  # it died; it can be continued


def check_continues(upload: BackfillUpload) -> None:
    """Raise Refused if the file would continue a run that was begun otherwise since its preview."""
    run = identity.unfinished(upload.sha256)
    if run is not None and not upload.options["new_run"]:
        options = options_of(upload)
        identity.check_meaning(run, options.as_json())
        identity.check_first(run, options.first)


def run_to_continue(upload: BackfillUpload) -> BackfillRun | None:
    """Find, and lock, the unfinished run that this file continues; None if it is to start a new one."""
    if upload.options["new_run"]:
        life.abandon(upload.sha256, actor=upload.actor, but=[Status.QUEUED])
        return None
    unfinished = identity.over(upload.sha256).select_for_update().unfinished()
    return unfinished.exclude(status=Status.QUEUED).first()


def describe_queued(run: BackfillRun, upload: BackfillUpload) -> None:
    """Fill in a run that is to wait in the queue; where it goes to is what its preview saw."""
    life.describe_queued(run, actor=upload.actor)
    run.input_name, run.input_sha256, run.input_rows = upload.name, upload.sha256, upload.rows
    run.options = {**options_of(upload).as_json(), **_accepted(run, upload)}
    if upload.preview and run.pk is None:  # one that began before is where it went; the worker looks
        _describe_target(run, stored_preview.unpack(upload).head["target"])


def _accepted(run: BackfillRun, upload: BackfillUpload) -> dict[str, Any]:
    """Return what was accepted with this preview, which the worker is held to; else what was before."""
    told = stored_preview.unpack(upload).accepted if upload.preview else None
    told = told or run.options.get(KEY)
    return {KEY: told} if told else {}


def _describe_target(run: BackfillRun, target: Mapping[str, Any]) -> None:
    lago, steve = target["lago"], target["steve"]
    run.lago_organization_id = lago["organization_id"]
    run.lago_organization_name = lago["organization"][:255]
    run.lago_url, run.lago_version = lago["url"], lago["version"] or ""
    # A preview that 1.0 kept names SteVe alone.
    run.world = target.get("world") or ({"steve": steve["url"]} if steve else {})


def hold_as_shown(upload: BackfillUpload, edition: str) -> None:
    """Have nobody change a preview until this transaction ends; raise Refused where somebody was quicker."""
    now = BackfillUpload.objects.defer("data").select_for_update().filter(pk=upload.pk, run=None).first()
    if now is None or edition_of(now) != edition:
        raise Refused("This preview was changed or confirmed in the meantime.", "Look at it again.")


def hand_over(run: BackfillRun, upload: BackfillUpload) -> None:
    """Bind the file to its run and have the worker take it up once this transaction is committed."""
    BackfillUpload.objects.filter(run=run).exclude(pk=upload.pk).delete()
    upload.run, upload.attempts = run, 0
    upload.save(update_fields=["run", "attempts", "uploaded_by", "options"])  # whoever confirmed it
    life.tell_queued(run, actor=upload.actor)
    approved.hand_over(upload, run)
    preview_ends.note_confirmed(upload, run)
    if run.starts_at is None:  # else the sweep wakes the worker at its hour
        enqueue(run.pk)


@transaction.atomic
def discard(token: UUID, user: User) -> bool:
    """Delete a preview of this person, with its file; False if there is none that nobody confirmed."""
    own = BackfillUpload.objects.previews().filter(pk=token, uploaded_by=user)
    upload = own.without_content().select_for_update().first()  # before its approval, as everywhere
    if upload is None:
        return False
    approvals.withdraw(upload, upload.actor)
    deleted, _ = own.delete()
    if deleted:
        preview_ends.note_discarded(token, f"staff:{user.pk}")
    return bool(deleted)


def enqueue(run_pk: int) -> None:
    queueing.wake_once_committed(IMPORT_TASK, run_pk)


# --- a run that is under way -------------------------------------------------------------------------


@transaction.atomic
def continue_run(run: BackfillRun, user: User, *, with_rest: bool = False) -> None:
    """Queue a run again that was interrupted, has failed or waits; raise Refused if that cannot be.

    `with_rest`: go on beyond the first customers, too; where those are in, there is nothing else to do.
    """
    run = BackfillRun.objects.select_for_update().get(pk=run.pk)
    upload = BackfillUpload.objects.without_content().filter(run=run).first()
    if upload is None:
        raise Refused(
            "The uploaded file is no longer kept.",
            "Upload it once more, or run backfill_customers with it: both continue this run.",
        )
    died = run.status == Status.RUNNING and not at_work.is_busy()
    if not died and run.status not in life.ENDED:
        raise Refused(f"The run is {run.status}.", "There is nothing to continue.")
    upload.uploaded_by, upload.attempts = user, 0
    if with_rest or run.status == Status.CANARY:
        _let_the_rest_in(run, upload)
    upload.save(update_fields=["uploaded_by", "attempts", "options"])
    life.queue_again(run, actor=upload.actor)
    enqueue(run.pk)


def _let_the_rest_in(run: BackfillRun, upload: BackfillUpload) -> None:
    upload.options["first"] = run.options["first"] = None
    run.save(update_fields=["options"])


def wants_preview(run: BackfillRun) -> bool:
    """Return whether a run stopped as what was confirmed is so no more: to continue ends as before."""
    return PREVIEW_AGAIN in run.reason or run.reason.startswith(INVOICED_TODAY)


def forget_old() -> int:
    """Delete files that are not needed any more: of ended runs, and of previews that nobody confirmed."""
    now = timezone.now()
    ended = Q(run__isnull=False) & ~Q(run__status__in=BackfillRun.UNFINISHED)
    stopped = Q(run__finished_at__lt=now - KEPT) & ~Q(run__status__in=(Status.QUEUED, Status.RUNNING))
    stopped |= Q(run__status=Status.PAUSED, run__paused_at__lt=now - KEPT)
    expired = Q(run__isnull=True) & ~Q(pk__in=BackfillUpload.objects.kept().values("pk"))
    approvals.forget_old()
    return BackfillUpload.objects.filter(ended | stopped | expired).delete()[0]

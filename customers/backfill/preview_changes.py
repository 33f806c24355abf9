"""A preview that is planned anew in its place: with other options, another mapping, a corrected file.

A plan that cannot be made changes nothing: the file and the preview of before stay, to be tried again.
"""

import copy
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from django.utils import timezone

from auditlog.models import Event, record
from customers.backfill import approvals, stored_preview, uploads
from customers.backfill.difference import Differs
from customers.backfill.engine.options import Options
from customers.backfill.preview_ends import subject_of
from customers.backfill.refused import Refused
from customers.backfill.source import FileMapping, Reading
from customers.backfill.stored_preview import unpack
from customers.models import BackfillUpload, User

PLANNED_ANEW = "preview.planned_anew"
CHANGING = ("data", "sha256", "options", "mapping", "preview", "rows", "created_at", "makers")


@dataclass(frozen=True, slots=True)
class Change:
    """What of an upload becomes otherwise. `action` and `told` are for the audit log: no values of a file."""

    action: str
    told: Mapping[str, Any]
    options: Mapping[str, Any] = field(default_factory=dict)
    mapping: str | None = None  # the text of its file
    data: bytes | None = None
    rows: int | None = None  # that it has then, if that is known
    differs: Differs | None = None  # of a corrected file


def through(upload: BackfillUpload, mapping: FileMapping, text: str) -> Change:
    """Have an upload be read through a mapping; `text` is its file.

    How the file is made and its days and amounts are written, the mapping says alone from here.
    """
    others = {
        name: value
        for name, value in uploads.options_of(upload).as_json().items()
        if name not in ("date_format", "decimal_mark", "mapping", "mapping_name")
    }
    options = Options.through(mapping, date_format=None, decimal_mark=None, **others)
    told = {"mapping": mapping.sha256()}
    return Change(PLANNED_ANEW, told, {**options.as_json(), **uploads.way_of(Reading())}, text)


def carry_out(upload: BackfillUpload, change: Change, user: User) -> int:
    """Plan what is changed, and put it in the place of what was; return how many rows fail.

    Raises SourceError, Refused or RemoteError, with nothing changed. The hour that a preview is kept begins
    anew, for somebody works with it.
    """
    anew = changed(upload, change)
    if not (change.differs and uploads.planned_by_difference(anew, upload, change.differs)):
        uploads.planned(anew)
    put_in_place(upload, anew, change, user)
    return int(unpack(anew).head["counts"]["fail"])


def changed(upload: BackfillUpload, change: Change) -> BackfillUpload:
    """Return an upload as it would be, yet to be planned; raise SourceError if it cannot be read."""
    anew = copy.copy(upload)
    anew.options = {**upload.options, **change.options}
    if change.mapping is not None:
        anew.mapping = change.mapping
    if change.data is not None:
        anew.data, anew.sha256 = change.data, hashlib.sha256(change.data).hexdigest()
    source = uploads.open_upload(anew)
    anew.rows = uploads.count_rows(source) if change.rows is None else change.rows
    anew.options["hidden_rows"] = source.info.hidden_rows
    return anew


def put_in_place(upload: BackfillUpload, anew: BackfillUpload, change: Change, user: User) -> None:
    """Keep what was planned, unless somebody was quicker; raise Refused then."""
    anew.created_at = timezone.now()
    if _is_otherwise(upload, anew):
        anew.makers = sorted({*upload.makers, f"staff:{user.pk}"})
    digest = stored_preview.unpack(anew).digest if approvals.is_required() else ""
    as_it_was = {"sha256": upload.sha256, "mapping": upload.mapping, "options": upload.options}
    with transaction.atomic():
        still = BackfillUpload.objects.previews().filter(pk=upload.pk, **as_it_was)
        if not still.update(**{name: getattr(anew, name) for name in CHANGING}):
            raise Refused("This preview was changed or confirmed in the meantime.", "Look at it again.")
        record("admin", f"staff:{user.pk}", [Event(change.action, subject_of(upload.pk), change.told)])
        approvals.after_change(anew, digest, f"staff:{user.pk}")


def _is_otherwise(upload: BackfillUpload, anew: BackfillUpload) -> bool:
    """Return whether somebody changed what is planned, and not only had it planned once more."""
    return any(getattr(upload, name) != getattr(anew, name) for name in ("sha256", "mapping", "options"))

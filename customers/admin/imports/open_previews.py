"""Previews that nobody has confirmed yet: the own ones, and those of colleagues."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import BooleanField, ExpressionWrapper, Q

from customers.models import BackfillUpload, PlanApproval, User

WORDS = {"waiting": "waits for approval", "approved": "approved", "declined": "declined"}


@dataclass(frozen=True, slots=True)
class OpenPreview:
    """`page` is where it goes on; `who` is blank of an own one."""

    token: str
    name: str
    rows: int
    page: str
    who: str
    worked_at: datetime
    kept_until: datetime
    approval: str = ""


def open_previews(user: User) -> Sequence[OpenPreview]:
    """Return what can be opened, the latest first. A file without a preview is open to its uploader alone."""
    has_preview = ExpressionWrapper(~Q(preview=b""), output_field=BooleanField())
    found = BackfillUpload.objects.kept().without_content().select_related("uploaded_by")
    found = found.annotate(has_preview=has_preview)
    shown = found.filter(Q(uploaded_by=user) | Q(has_preview=True)).order_by("-created_at")
    states = dict(_approvals())
    return [_shown(upload, user, states.get(upload.pk, "")) for upload in shown]


def _approvals() -> Iterator[tuple[UUID, str]]:
    """Return what somebody has said of previews, or has yet to say."""
    last = PlanApproval.objects.filter(upload__run=None, upload__isnull=False).order_by("upload", "-pk")
    for upload_pk, status in last.distinct("upload").values_list("upload", "status"):
        yield upload_pk, WORDS.get(status, "")


def _shown(upload: BackfillUpload, user: User, state: str) -> OpenPreview:
    who = upload.uploaded_by
    has_preview: bool = upload.has_preview  # type: ignore[attr-defined]
    return OpenPreview(
        str(upload.pk),
        upload.name,
        upload.rows,
        "preview" if has_preview else "columns",
        "" if who == user else who.display_name or who.email,
        upload.created_at,
        upload.expires_at,
        state,
    )

"""Previews that nobody has confirmed yet: the own ones, and those of colleagues."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import BooleanField, ExpressionWrapper, Q
from django.utils import timezone

from customers.models import BackfillUpload, User


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


def open_previews(user: User) -> Sequence[OpenPreview]:
    """Return what can be opened, the latest first. A file without a preview is open to its uploader alone."""
    since = timezone.now() - BackfillUpload.LIFETIME
    has_preview = ExpressionWrapper(~Q(preview=b""), output_field=BooleanField())
    found = BackfillUpload.objects.previews().without_content().select_related("uploaded_by")
    found = found.filter(created_at__gt=since).annotate(has_preview=has_preview)
    shown = found.filter(Q(uploaded_by=user) | Q(has_preview=True)).order_by("-created_at")
    return [_shown(upload, user) for upload in shown]


def _shown(upload: BackfillUpload, user: User) -> OpenPreview:
    who = upload.uploaded_by
    has_preview: bool = upload.has_preview  # type: ignore[attr-defined]
    return OpenPreview(
        str(upload.pk),
        upload.name,
        upload.rows,
        "preview" if has_preview else "columns",
        "" if who == user else who.display_name or who.email,
        upload.created_at,
        upload.created_at + upload.LIFETIME,
    )

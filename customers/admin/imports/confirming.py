"""The confirmation of a preview: its form, bound to person, file and hour."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django import forms
from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone
from import_export.forms import ConfirmImportForm

from customers.admin.access import actor, staff
from customers.admin.imports.formats import UPLOAD_FORMATS
from customers.admin.imports.seal import edition_sealed, seal
from customers.backfill import preview_ends, stored_preview
from customers.backfill.ledger import schedule
from customers.backfill.refused import Refused
from customers.backfill.source import FORMATS
from customers.models import BackfillUpload, User

FIRST_INVALID = "First customers only: a whole number from 1, or nothing for all of them."


class ConfirmForm(ConfirmImportForm):  # type: ignore[misc]
    seal = forms.CharField(widget=forms.HiddenInput())
    first = forms.IntegerField(
        required=False,
        min_value=1,
        label="First customers only",
        widget=forms.NumberInput(attrs={"class": "pb-input", "placeholder": "all"}),
        error_messages={"invalid": FIRST_INVALID, "min_value": FIRST_INVALID},
    )
    starts_on = forms.CharField(
        required=False, max_length=40, label="Begin at",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local", "class": "pb-input"}),
    )  # fmt: skip
    starts_zone = forms.CharField(
        required=False, max_length=64, label="in the zone",
        widget=forms.TextInput(attrs={"class": "pb-input", "autocomplete": "off"}),
    )  # fmt: skip

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user
        self.edition = ""
        self.hour: tuple[datetime, str] | None = None

    def clean_format(self) -> str:
        given: str = self.cleaned_data["format"]
        if given not in {str(number) for number in range(len(FORMATS))}:
            raise forms.ValidationError("There is no such format.")
        return given

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        self.edition = edition_sealed(data.get("seal", ""), data.get("import_file_name", ""), self.user)
        if not self.edition:
            raise forms.ValidationError("This confirmation is not of a preview of yours, or is too old.")
        if data.get("starts_on"):
            self._read_hour(data)
        return data

    @property
    def is_of_a_preview(self) -> bool:
        """Return whether only what was filled in is wrong."""
        return self.is_bound and set(self.errors) <= {"first", "starts_on"}

    def _read_hour(self, data: dict[str, Any]) -> None:
        try:
            said = datetime.fromisoformat(data["starts_on"].strip()).replace(tzinfo=None)
            zone = data.get("starts_zone", "").strip()
            self.hour = schedule.instant(said, zone, timezone.now()), zone
        except ValueError:
            self.add_error("starts_on", "Say when it is to begin as in 2027-03-28 22:00.")
        except Refused as refused:
            self.add_error("starts_on", f"{refused} {refused.hint}".strip())


def file_for(request: HttpRequest, token: UUID) -> BackfillUpload | None:
    """Find a file that is still kept, and open to this person: an own one, or a colleague's with a preview.

    That somebody looks into a colleague's is written down.
    """
    upload = BackfillUpload.objects.filter(pk=token).first()
    if upload is None or upload.is_expired():
        return None
    if upload.uploaded_by_id != staff(request).pk:
        if upload.run_id or not upload.preview:
            return None
        preview_ends.note_opened(upload.pk, actor(request))
    return upload


def preview_for(request: HttpRequest, token: UUID) -> BackfillUpload | None:
    """Find an upload that this person can look at, correct and confirm."""
    upload = file_for(request, token)
    return upload if upload and upload.preview else None


def zone_of(upload: BackfillUpload) -> str:
    """Return the zone in which its days are calendar days; a preview of an older version does not know it."""
    head = stored_preview.unpack(upload).head if upload.preview else {}
    return str(settings.BACKFILL_TIMEZONE or head.get("zone") or "UTC")


def confirmation_of(upload: BackfillUpload, request: HttpRequest) -> dict[str, Any]:
    """Return the values of the form that confirms this upload."""
    kind = upload.name.rpartition(".")[2].casefold()
    return {
        "import_file_name": str(upload.pk),
        "original_file_name": upload.name,
        "format": str([known.kind for known in UPLOAD_FORMATS].index(kind)),
        "resource": "",
        "seal": seal(upload, staff(request)),
        "starts_zone": zone_of(upload),
    }

"""The form of an upload: the file, and what the command's options are."""

from pathlib import Path
from typing import Any

from django import forms
from django.conf import settings
from unfold.contrib.import_export.forms import ImportForm
from unfold.widgets import UnfoldAdminSelectWidget

from customers.admin.imports.options_form import OptionsForm
from customers.backfill.engine.options import Options
from customers.backfill.kept_mappings import parsed
from customers.backfill.source import FORMATS, FileMapping, Reading, SourceError
from customers.models import BackfillMapping, BackfillUpload

MAKE_ONE = "new"


def what_is_taken() -> str:
    """Say which files an upload may be."""
    most = f"at most {settings.MAX_UPLOAD_BYTES // 2**20} MB and {settings.MAX_UPLOAD_ROWS:,} rows."
    return f"{', '.join(FORMATS)}; {most}"


def not_too_large(file: Any) -> Any:
    """Return an uploaded file as it is; raise ValidationError for one that only the command takes."""
    if file.size > settings.MAX_UPLOAD_BYTES:
        most = settings.MAX_UPLOAD_BYTES // 2**20
        raise forms.ValidationError(f"The file is larger than {most} MB. Use the command for it.")
    return file


def kept_mapping(pk: str) -> FileMapping:
    """Read the kept mapping that was chosen; raise ValidationError for one of a version that knew more."""
    try:
        return parsed(BackfillMapping.objects.get(pk=pk))
    except SourceError as error:
        raise forms.ValidationError(str(error)) from error


class UploadForm(OptionsForm, ImportForm):  # type: ignore[misc]
    """Asks for the file and for what the command's options are. The format follows from the file's name."""

    mapping = forms.ChoiceField(
        widget=UnfoldAdminSelectWidget, required=False, label="Column mapping",
        help_text="What the columns of an export mean. A file with other columns leads to a page for it.",
    )  # fmt: skip

    makes_mapping = False  # somebody wants to say first what the columns mean
    unread: BackfillUpload | None = None  # the file, kept to be mapped first

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["mapping"].choices = [  # type: ignore[attr-defined]
            ("", "recognise it by the columns"),
            (MAKE_ONE, "make one from this file"),
            *((str(kept.pk), kept.name) for kept in BackfillMapping.objects.only("pk", "name")),
        ]
        self.fields["format"].required = False
        self.fields["format"].widget = forms.HiddenInput()
        self.fields["import_file"].label = "File"
        self.fields["import_file"].help_text = what_is_taken()
        self.fields["import_file"].widget.attrs["accept"] = ",".join(f".{kind}" for kind in FORMATS)

    @property
    def media(self) -> forms.Media:
        """Leave out the script that guesses the format: it is not asked for."""
        return forms.Media()

    @property
    def first(self) -> list[forms.BoundField]:
        return [self["mapping"], *super().first]

    def clean_import_file(self) -> Any:
        return not_too_large(self.cleaned_data["import_file"])

    def clean_mapping(self) -> FileMapping | None:
        """Read the kept mapping that was chosen, if one was."""
        given: str = self.cleaned_data["mapping"]
        self.makes_mapping = given == MAKE_ONE
        if not given or self.makes_mapping:
            return None
        return kept_mapping(given)

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        if file := data.get("import_file"):
            kind = Path(file.name).suffix.removeprefix(".").casefold()
            if kind not in FORMATS:
                self.add_error("import_file", f"The name has to end in one of {', '.join(FORMATS)}.")
            else:
                data["format"] = str(FORMATS.index(kind))
        return data

    def reading(self) -> Reading:
        return self.reading_through(self.cleaned_data["mapping"])

    def options(self) -> Options:
        return self.options_through(self.cleaned_data["mapping"])

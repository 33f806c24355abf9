"""The form of an upload: the file, and what the command's options are."""

from pathlib import Path
from typing import Any

from django import forms
from django.conf import settings
from unfold.contrib.import_export.forms import ImportForm
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget, UnfoldBooleanWidget

from customers.backfill.beside import is_beside_platform
from customers.backfill.engine.acceptance import NO, THESE
from customers.backfill.engine.options import Options
from customers.backfill.kept_mappings import parsed
from customers.backfill.source import FORMATS, FileMapping, Reading, SourceError
from customers.models import BackfillMapping, BackfillUpload
from kernel.days import is_date_format

DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t"}
ENCODINGS = ("cp1252", "iso-8859-15", "cp1250", "mac-roman", "utf-16-le", "utf-16-be")
MAKE_ONE = "new"
FIRST, MORE = (
    ("mapping", "skip_existing", "allow_partial", "accept_invoices_today"),
    (
        "billed_until",
        "start_after_billed",
        "date_format",
        "decimal_mark",
        "billing_time",
        "encoding",
        "delimiter",
        "hidden_rows",
        "new_run",
        "allow_second_currency",
        "no_wait",
    ),
)


class UploadForm(ImportForm):  # type: ignore[misc]
    """Asks for the file and for what the command's options are. The format follows from the file's name."""

    mapping = forms.ChoiceField(
        widget=UnfoldAdminSelectWidget, required=False, label="Column mapping",
        help_text="What the columns of an export mean. A file with other columns leads to a page for it.",
    )  # fmt: skip
    skip_existing = forms.BooleanField(
        required=False, widget=UnfoldBooleanWidget, label="Skip what exists",
        help_text="Skip what is imported, adopt what agrees, complete the rest. Nothing is overwritten.",
    )  # fmt: skip
    allow_partial = forms.BooleanField(
        required=False, widget=UnfoldBooleanWidget, label="Import the good rows although others would fail",
        help_text="Otherwise one row that would fail keeps the whole file out.",
    )  # fmt: skip
    accept_invoices_today = forms.BooleanField(
        required=False, widget=UnfoldBooleanWidget, label="Accept invoices for days that are over",
        help_text="On the first day of a period Lago invoices the last one at once."
        " Accepts what the preview names, for that day.",
    )  # fmt: skip
    billed_until = forms.DateField(
        required=False, widget=UnfoldAdminTextInputWidget(attrs={"placeholder": "2027-02-28"}),
        input_formats=["%Y-%m-%d"], label="Billed until",
        help_text="The last day that the old provider has billed. A column billed_until says it row by row.",
    )  # fmt: skip
    start_after_billed = forms.BooleanField(
        required=False, widget=UnfoldBooleanWidget, label="Start on the day after",
        help_text="Of what is billed, where the file has an earlier day. Our record keeps the file's day.",
    )  # fmt: skip
    date_format = forms.CharField(
        required=False, max_length=40, widget=UnfoldAdminTextInputWidget(attrs={"placeholder": "%d.%m.%Y"}),
        label="Date format", help_text="Of start_date, where it is not written as 2026-11-22.",
    )  # fmt: skip
    decimal_mark = forms.ChoiceField(
        choices=[("", "as the mapping says, else a point"), (".", "a point: 12.50"), (",", "a comma: 12,50")],
        widget=UnfoldAdminSelectWidget, required=False, label="Decimal mark",
        help_text="Of amounts in a text file.",
    )  # fmt: skip
    billing_time = forms.ChoiceField(
        choices=[("calendar", "the calendar"), ("anniversary", "the start date")],
        widget=UnfoldAdminSelectWidget, required=False, label="Billing periods follow",
    )  # fmt: skip
    encoding = forms.ChoiceField(
        choices=[("", "recognise it"), *((name, name) for name in ENCODINGS)],
        widget=UnfoldAdminSelectWidget, required=False, label="Encoding",
        help_text="Of a text file that is neither UTF-8 nor UTF-16.",
    )  # fmt: skip
    delimiter = forms.ChoiceField(
        choices=[("", "recognise it"), *((name, name) for name in DELIMITERS)],
        widget=UnfoldAdminSelectWidget, required=False, label="Delimiter",
    )  # fmt: skip
    hidden_rows = forms.ChoiceField(
        choices=[("", "refuse the file"), ("include", "import them"), ("leave-out", "leave them out")],
        widget=UnfoldAdminSelectWidget, required=False, label="Hidden rows",
        help_text="Of a workbook: rows that a filter or a person has hidden.",
    )  # fmt: skip
    new_run = forms.BooleanField(
        required=False, widget=UnfoldBooleanWidget, label="Start a new run",
        help_text="Instead of continuing an unfinished run over the same file.",
    )  # fmt: skip
    no_wait = forms.BooleanField(
        required=False, widget=UnfoldBooleanWidget, label="Do not wait for the platform",
        help_text="Its sync is woken all the same. Nobody looks what SteVe has then.",
    )  # fmt: skip

    allow_second_currency = forms.BooleanField(
        required=False, widget=UnfoldBooleanWidget, label="Allow a second currency",
        help_text="Of a Lago customer billed in another than the plan's, where Lago takes both.",
    )  # fmt: skip

    makes_mapping = False  # somebody wants to say first what the columns mean
    unread: BackfillUpload | None = None  # the file, kept to be mapped first

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["mapping"].choices = [
            ("", "recognise it by the columns"),
            (MAKE_ONE, "make one from this file"),
            *((str(kept.pk), kept.name) for kept in BackfillMapping.objects.only("pk", "name")),
        ]
        if not is_beside_platform():
            del self.fields["no_wait"]
        self.fields["format"].required = False
        self.fields["format"].widget = forms.HiddenInput()
        self.fields["import_file"].label = "File"
        self.fields["import_file"].help_text = (
            f"{', '.join(FORMATS)}; at most {settings.MAX_UPLOAD_BYTES // 2**20} MB"
            f" and {settings.MAX_UPLOAD_ROWS:,} rows."
        )
        self.fields["import_file"].widget.attrs["accept"] = ",".join(f".{kind}" for kind in FORMATS)

    @property
    def media(self) -> forms.Media:
        """Leave out the script that guesses the format: it is not asked for."""
        return forms.Media()

    @property
    def first(self) -> list[forms.BoundField]:
        return [self[name] for name in FIRST]

    @property
    def more(self) -> list[forms.BoundField]:
        return [self[name] for name in MORE if name in self.fields]

    def clean_import_file(self) -> Any:
        file = self.cleaned_data["import_file"]
        if file.size > settings.MAX_UPLOAD_BYTES:
            most = settings.MAX_UPLOAD_BYTES // 2**20
            raise forms.ValidationError(f"The file is larger than {most} MB. Use the command for it.")
        return file

    def clean_date_format(self) -> str | None:
        given: str = self.cleaned_data["date_format"]
        if given and not is_date_format(given):
            raise forms.ValidationError("It must name year, month and day, such as %d.%m.%Y.")
        return given or None

    def clean_mapping(self) -> FileMapping | None:
        """Read the kept mapping that was chosen, if one was."""
        given: str = self.cleaned_data["mapping"]
        self.makes_mapping = given == MAKE_ONE
        if not given or self.makes_mapping:
            return None
        try:
            return parsed(BackfillMapping.objects.get(pk=given))
        except SourceError as error:  # of a version that knew more
            raise forms.ValidationError(str(error)) from error

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
        data = self.cleaned_data
        return Reading(
            data["encoding"] or None,
            DELIMITERS.get(data["delimiter"]),
            data["hidden_rows"] or None,
            data["mapping"],
        )

    @property
    def does_not_wait(self) -> bool:
        """Return whether nobody is to wait for the platform at the end."""
        return bool(self.cleaned_data.get("no_wait"))

    def options(self) -> Options:
        data = self.cleaned_data
        return Options.through(
            data["mapping"],
            skip_existing=data["skip_existing"],
            allow_partial=data["allow_partial"],
            batch_size=settings.BACKFILL_BATCH_SIZE,
            concurrency=settings.BACKFILL_CONCURRENCY,
            date_format=data["date_format"],
            decimal_mark=data["decimal_mark"] or None,
            billing_time=data["billing_time"] or "calendar",
            new_run=data["new_run"],
            billed_until=data["billed_until"].isoformat() if data["billed_until"] else None,
            start_after_billed=data["start_after_billed"],
            allow_second_currency=data["allow_second_currency"],
            accept_invoices_today=THESE if data["accept_invoices_today"] else NO,
        )

"""What the command's options are, as fields: of an upload, and of a preview that is planned anew in place."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from django import forms
from django.conf import settings
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget, UnfoldBooleanWidget

from customers.backfill.beside import is_beside_platform
from customers.backfill.engine.acceptance import NO, THESE
from customers.backfill.engine.options import Options
from customers.backfill.source import FileMapping, Reading
from kernel.days import is_date_format

DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t"}
ENCODINGS = ("cp1252", "iso-8859-15", "cp1250", "mac-roman", "utf-16-le", "utf-16-be")
FIRST = ("skip_existing", "allow_partial", "accept_invoices_today")
MORE = (
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
)


class OptionsForm(forms.Form):
    """Asks for what the command's options are."""

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

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not is_beside_platform():
            del self.fields["no_wait"]

    @property
    def first(self) -> list[forms.BoundField]:
        return [self[name] for name in FIRST]

    @property
    def more(self) -> list[forms.BoundField]:
        return [self[name] for name in MORE if name in self.fields]

    def clean_date_format(self) -> str | None:
        given: str = self.cleaned_data["date_format"]
        if given and not is_date_format(given):
            raise forms.ValidationError("It must name year, month and day, such as %d.%m.%Y.")
        return given or None

    @property
    def does_not_wait(self) -> bool:
        """Return whether nobody is to wait for the platform at the end."""
        return bool(self.cleaned_data.get("no_wait"))

    def reading_through(self, mapping: FileMapping | None) -> Reading:
        data = self.cleaned_data
        return Reading(
            data["encoding"] or None,
            DELIMITERS.get(data["delimiter"]),
            data["hidden_rows"] or None,
            mapping,
        )

    def options_through(self, mapping: FileMapping | None) -> Options:
        data = self.cleaned_data
        return Options.through(
            mapping,
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


def chosen(options: Mapping[str, Any], mapping: FileMapping | None) -> dict[str, Any]:
    """Return what the fields hold where these options are chosen; blank where the mapping says it."""
    given = Options.kept(options)
    usual = Options.through(mapping, date_format=None, decimal_mark=None)
    names = {char: name for name, char in DELIMITERS.items()}
    return {
        **{name: getattr(given, name) for name in ("skip_existing", "allow_partial", "new_run")},
        "accept_invoices_today": bool(given.accept_invoices_today),
        "billed_until": date.fromisoformat(given.billed_until) if given.billed_until else None,
        "start_after_billed": given.start_after_billed,
        "date_format": given.date_format if given.date_format != usual.date_format else "",
        "decimal_mark": given.decimal_mark if given.decimal_mark != usual.decimal_mark else "",
        "billing_time": given.billing_time,
        "encoding": options.get("encoding") or "",
        "delimiter": names.get(options.get("delimiter") or "", ""),
        "hidden_rows": options.get("hidden_rows") or "",
        "allow_second_currency": given.allow_second_currency,
        "no_wait": bool(options.get("no_wait")),
    }

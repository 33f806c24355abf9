"""The form of a comparison: the later file, how it is read, and with what it is compared."""

from pathlib import Path
from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminFileFieldWidget, UnfoldAdminSelectWidget

from customers.admin.imports.forms import kept_mapping, not_too_large, what_is_taken
from customers.admin.imports.options_form import DELIMITERS, OptionsForm
from customers.backfill.source import FileMapping, Source, read_bytes
from customers.models import BackfillMapping, BackfillRun


class CompareForm(forms.Form):
    """Asks for the later file, and how it is to be read."""

    file = forms.FileField(widget=UnfoldAdminFileFieldWidget, label="File")
    mapping = forms.ChoiceField(
        widget=UnfoldAdminSelectWidget, required=False, label="Column mapping",
        help_text="What the columns of an export mean: the one that it was imported with.",
    )  # fmt: skip
    run = forms.ChoiceField(
        widget=UnfoldAdminSelectWidget, required=False, label="Compare with",
        help_text="All that is imported, unless one run is meant.",
    )  # fmt: skip
    date_format = OptionsForm.base_fields["date_format"]
    encoding = OptionsForm.base_fields["encoding"]
    delimiter = OptionsForm.base_fields["delimiter"]
    hidden_rows = OptionsForm.base_fields["hidden_rows"]
    clean_date_format = OptionsForm.clean_date_format

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        mappings = BackfillMapping.objects.only("pk", "name")
        runs = BackfillRun.objects.order_by("-pk").values_list("run_id", "input_name")[:200]
        self._offer("mapping", "none: its columns are ours", {str(one.pk): one.name for one in mappings})
        self._offer("run", "all that is imported", {run_id: f"{run_id} · {name}" for run_id, name in runs})
        self.fields["file"].help_text = what_is_taken()

    def _offer(self, name: str, usual: str, others: dict[str, str]) -> None:
        self.fields[name].choices = [("", usual), *others.items()]  # type: ignore[attr-defined]

    @property
    def more(self) -> list[forms.BoundField]:
        return [self[name] for name in ("date_format", "encoding", "delimiter", "hidden_rows")]

    def clean_file(self) -> Any:
        return not_too_large(self.cleaned_data["file"])

    def clean_mapping(self) -> FileMapping | None:
        given: str = self.cleaned_data["mapping"]
        return kept_mapping(given) if given else None

    def source(self) -> Source:
        """Open the file; raise SourceError."""
        data = self.cleaned_data
        return read_bytes(
            Path(data["file"].name).name,
            data["file"].read(),
            encoding=data["encoding"] or None,
            delimiter=DELIMITERS.get(data["delimiter"]),
            hidden_rows=data["hidden_rows"] or None,
            mapping=data["mapping"],
        )

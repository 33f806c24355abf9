"""What django-import-export makes of an uploaded file: one run, waiting in the queue."""

from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from import_export.resources import ModelResource

from customers.backfill import uploads as staging
from customers.backfill.refused import Refused
from customers.models import BackfillRun, BackfillUpload


class RunResource(ModelResource):  # type: ignore[misc]
    """Stages; never calls anybody, never writes a row. The worker plans anew and does the work.

    The library runs every hook for the preview too and rolls it back, so all of this is undone by itself,
    and what is to follow a confirmation hangs on the commit.
    """

    class Meta:
        model = BackfillRun
        fields = ("input_sha256", "input_name")
        import_id_fields = ("input_sha256",)
        use_transactions = True
        use_bulk = False
        report_skipped = True
        skip_diff = True  # the preview is ours
        clean_model_instances = False  # the constraints of the table decide, also between two clicks

    def __init__(
        self,
        *,
        upload: BackfillUpload | None = None,
        hour: tuple[datetime, str] | None = None,
        edition: str = "",
        **kwargs: Any,
    ) -> None:
        """Take the upload, and the hour at which its run is to begin, with the zone in which it was said.

        `edition` is that of the preview which somebody confirms; blank for an upload that has none yet.
        """
        super().__init__()
        self.upload, self.hour, self.edition = upload, hour, edition
        self.run: BackfillRun | None = None

    def before_import_row(self, row: Any, **kwargs: Any) -> None:
        """Refuse bytes that are not those of the upload, and a file that is being worked on."""
        if self.upload is None or row["input_sha256"] != self.upload.sha256:
            raise ValidationError("The file is not the one that was previewed.")
        if run := staging.run_in_the_way(self.upload.sha256):
            raise ValidationError(f"This file is being worked on already: run {run.run_id}.")
        try:
            if self.edition:
                staging.hold_as_shown(self.upload, self.edition)
            staging.check_continues(self.upload)
        except Refused as error:
            raise ValidationError(f"{error} {error.hint}") from error

    def get_instance(self, instance_loader: Any, row: Any) -> BackfillRun | None:
        return staging.run_to_continue(self.upload) if self.upload else None

    def before_save_instance(self, instance: BackfillRun, row: Any, **kwargs: Any) -> None:
        if self.upload:
            staging.describe_queued(instance, self.upload)
        if self.hour:
            instance.starts_at, instance.starts_zone = self.hour
        self.run = instance

    def after_import(self, dataset: Any, result: Any, **kwargs: Any) -> None:
        well = not result.has_errors() and not result.has_validation_errors()
        if well and self.run and self.upload:
            staging.hand_over(self.run, self.upload)

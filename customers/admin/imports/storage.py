"""Where django-import-export puts a file between preview and confirmation: our table."""

from typing import Any

from import_export.tmp_storages import BaseStorage

from customers.models import BackfillUpload


class UploadStorage(BaseStorage):  # type: ignore[misc]
    """Gives the stored upload instead of its bytes: with it come the options for reading them."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.upload: BackfillUpload | None = kwargs.get("upload")
        self.name: str = str(self.upload.pk) if self.upload else kwargs["name"]

    def read(self) -> BackfillUpload:
        return self.upload or BackfillUpload.objects.get(pk=self.name)

    def remove(self) -> None:
        """Keep it: from here on it belongs to its run, and goes when that has ended."""

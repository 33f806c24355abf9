"""Static files: by their hashed names where they were collected, and by their own where not.

Where `collectstatic` was forgotten, or is of an older version, pages look as they should all the same: a
file without a hashed name is served as it lies in the source, only not for ever from a browser's cache.
"""

from django.conf import settings
from django.contrib.staticfiles import finders
from django.contrib.staticfiles.storage import staticfiles_storage
from whitenoise.storage import CompressedManifestStaticFilesStorage


class Collected(CompressedManifestStaticFilesStorage):  # type: ignore[misc]
    """Django's would answer every page with 500 over a file that it has no hashed name for."""

    def stored_name(self, name: str) -> str:
        if self.hash_key(self.clean_name(name)) not in self.hashed_files:
            return name
        return str(super().stored_name(name))


def not_collected() -> list[str]:
    """Name the files that have no hashed name; those of a laptop need none."""
    if settings.DEBUG:
        return []
    names = (name for finder in finders.get_finders() for name, _ in finder.list([]))
    return sorted(name for name in names if staticfiles_storage.url(name).endswith(f"/{name}"))

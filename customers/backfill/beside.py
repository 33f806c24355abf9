"""Whether the settings name a platform's database, and which. Nothing here connects to it."""

from django.conf import settings

from polaris import PlatformDatabase


def is_beside_platform() -> bool:
    return settings.POLARIS_DATABASE_URL not in ("", settings.NO_PLATFORM)


def platform_place() -> str:
    """Name the platform's database; blank where none is connected. Safe to show."""
    return PlatformDatabase(settings.POLARIS_DATABASE_URL).place if is_beside_platform() else ""

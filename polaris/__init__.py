"""The platform's own database: its users and mappings, its sync, its sign-in links."""

from polaris.database import PlatformDatabase
from polaris.errors import PolarisError

__all__ = ["PlatformDatabase", "PolarisError"]

"""The platform's own database: its users and mappings, its sync, its sign-in links."""

from polaris.database import PlatformDatabase
from polaris.errors import PolarisError
from polaris.mapping_step import PlatformMappingStep
from polaris.user_step import PlatformUserStep

__all__ = ["PlatformDatabase", "PlatformMappingStep", "PlatformUserStep", "PolarisError"]

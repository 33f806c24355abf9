"""A stand-in for Polaris Express: its database, its sync, its webhooks and its sign-in."""

from rehearsal.platform.sandbox import PlatformSandbox

__all__ = ["PlatformSandbox"]

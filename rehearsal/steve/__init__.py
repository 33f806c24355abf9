"""A stand-in for SteVe and the platform behind it, for tests and for rehearsing on a laptop."""

from rehearsal.steve.sandbox import SteveSandbox

__all__ = ["SteveSandbox"]

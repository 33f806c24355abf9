"""The clients that steps are made from."""

from dataclasses import dataclass

from billing.client import LagoClient
from billing.preflight import Target
from charging import SteveClient
from polaris import PlatformDatabase


@dataclass(frozen=True, slots=True)
class Connections:
    """What is connected. `target` is what Lago said of itself; what is None is not configured."""

    lago: LagoClient
    target: Target
    steve: SteveClient | None
    platform: PlatformDatabase | None

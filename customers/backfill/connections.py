"""The clients that steps are made from."""

from dataclasses import dataclass

from billing.client import LagoClient
from billing.preflight import Target
from charging import SteveClient


@dataclass(frozen=True, slots=True)
class Connections:
    """What is connected. `target` is what Lago said of itself; `steve` is None where it is not configured."""

    lago: LagoClient
    target: Target
    steve: SteveClient | None

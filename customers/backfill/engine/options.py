"""What an operator can choose for an import."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Options:
    skip_existing: bool = False
    allow_partial: bool = False
    batch_size: int = 25
    concurrency: int = 8
    date_format: str | None = None
    billing_time: str = "calendar"
    max_failures: int = 10
    new_run: bool = False

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

"""What an operator can choose for an import."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Self

from customers.backfill.engine.breaker import MOST_FAILURES
from customers.backfill.source import FileMapping, SourceInfo


@dataclass(frozen=True, slots=True)
class Options:
    skip_existing: bool = False
    allow_partial: bool = False
    batch_size: int = 25
    concurrency: int = 8
    date_format: str | None = None
    decimal_mark: str = "."
    billing_time: str = "calendar"
    max_failures: int = MOST_FAILURES
    new_run: bool = False
    first: int | None = None  # so many customers, and the others wait
    accept_invoices_today: str = ""  # as in `acceptance`
    billed_until: str | None = None  # a day in ISO 8601
    start_after_billed: bool = False
    allow_second_currency: bool = False
    hidden_rows: str | None = None  # what was said of them; None of a file that has none
    mapping: str | None = None  # SHA-256 of what it says
    mapping_name: str = ""
    corrected: Mapping[str, Any] | None = None  # `from_sha256`: what was uploaded; `lines`: that differ

    @classmethod
    def through(
        cls, mapping: FileMapping | None, *, date_format: str | None, decimal_mark: str | None, **others: Any
    ) -> Self:
        """Make options; what is not said of days and amounts is as the mapping says, else as usual."""
        form = mapping.form if mapping else None
        return cls(
            date_format=date_format or (form.date_format if form else None),
            decimal_mark=decimal_mark or (form.decimal_mark if form else None) or ".",
            mapping=mapping.sha256() if mapping else None,
            mapping_name=mapping.name[:255] if mapping else "",
            **others,
        )

    @property
    def allowed(self) -> frozenset[str]:
        """Name the options that are chosen and lift a caution of ours."""
        return frozenset({"allow_second_currency"} if self.allow_second_currency else ())

    @classmethod
    def kept(cls, values: Mapping[str, Any]) -> Self:
        """Read options that were kept, perhaps by another version: what it does not know here is left out."""
        known = {field.name for field in fields(cls)}
        return cls(**{name: value for name, value in values.items() if name in known})

    def over(self, info: SourceInfo) -> Self:
        """Return the options as they hold for one file."""
        return replace(self, hidden_rows=info.hidden_rows)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

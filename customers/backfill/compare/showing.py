"""People's data in a comparison: whole for whoever asks for them, masked for all others."""

from dataclasses import dataclass

from customers.backfill.compare.values import ON_CARDS, Difference, Kind, Remark
from kernel.masking import mask_email, mask_id_tag


@dataclass(frozen=True, slots=True)
class Show:
    is_whole: bool = False

    def values(self, one: Difference) -> tuple[str, str]:
        """Return what is imported, and what the file says."""
        return self._shown(one.kind, one.was), self._shown(one.kind, one.now)

    def remark(self, one: Remark) -> tuple[str, str]:
        if one.is_card and not self.is_whole:
            return mask_id_tag(one.was), mask_id_tag(one.now)
        return one.was, one.now

    def _shown(self, kind: Kind, value: str) -> str:
        if self.is_whole or not value:
            return value
        if kind in ON_CARDS:
            return mask_id_tag(value)
        if kind is Kind.EMAIL:
            return mask_email(value)
        return f"{value[:1]}…" if kind is Kind.NAME else value

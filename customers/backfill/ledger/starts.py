"""From when on cards are paid for, as the ledger knows it."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from customers.models import BackfillRow, IdTagMapping


def starts_of(cards: Sequence[IdTagMapping]) -> Mapping[int, datetime]:
    """Return from when on each card is paid for, by its key: by the run that brought it last."""
    rows = BackfillRow.objects.filter(mapping__in=cards, subscription_at__isnull=False).order_by("run_id")
    return {pk: starts_at for pk, starts_at in rows.values_list("mapping_id", "subscription_at") if starts_at}

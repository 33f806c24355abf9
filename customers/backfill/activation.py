"""Let the idTags of whole rows bill."""

from collections.abc import Sequence

from customers.backfill import bulk
from customers.models import IdTagMapping

BILLED = ["is_active", "lago_subscription_external_id"]
IN_STEVE = ["steve_ocpp_tag_pk", "id_tag"]


def activate(mappings: Sequence[IdTagMapping]) -> None:
    """Write mappings that are known by primary key: what they bill to, and what SteVe calls them.

    A run without SteVe leaves alone what an earlier one knew of it.
    """
    in_steve = [mapping for mapping in mappings if mapping.steve_ocpp_tag_pk is not None]
    _release_numbers(in_steve)
    bulk.update(mappings, BILLED)
    bulk.update(in_steve, IN_STEVE)


def _release_numbers(mappings: Sequence[IdTagMapping]) -> None:
    """Take SteVe's numbers from mappings that had them: a SteVe that was set up anew counts from 1 again."""
    numbers = [mapping.steve_ocpp_tag_pk for mapping in mappings]
    IdTagMapping.objects.filter(steve_ocpp_tag_pk__in=numbers).update(steve_ocpp_tag_pk=None)

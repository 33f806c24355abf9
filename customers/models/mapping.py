"""Mappings that were kept, so that the next export of the same system needs none of the work again."""

import hashlib
import json
from collections.abc import Sequence

from django.db import models
from django.utils import timezone


def header_digest(header: Sequence[str]) -> str:
    """Tell the same columns again, in whichever order and capitals they come."""
    names = sorted(name.strip().casefold() for name in header if name.strip())
    return hashlib.sha256(json.dumps(names).encode()).hexdigest()


class BackfillMappingQuerySet(models.QuerySet["BackfillMapping"]):
    def for_header(self, header: Sequence[str]) -> "BackfillMappingQuerySet":
        """Return those that were used with the same columns, the last used first."""
        return self.filter(header_digest=header_digest(header)).order_by("-changed_at")


class BackfillMapping(models.Model):
    """A mapping with its name. `content` is the text of its file, which holds nobody's data."""

    name = models.CharField(max_length=100, unique=True)
    content = models.TextField()
    header_digest = models.CharField(max_length=64, blank=True, default="")
    changed_at = models.DateTimeField(default=timezone.now)

    objects = BackfillMappingQuerySet.as_manager()

    class Meta:
        ordering = ("name",)
        verbose_name = "column mapping"
        permissions = [("edit_mappings", "Can make and change mappings")]
        default_permissions = ()
        indexes = [
            models.Index(
                fields=["header_digest"], name="customers_mapping_by_header"
            ),  # what to offer for a file
        ]

    def __str__(self) -> str:
        return self.name

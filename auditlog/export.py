"""Audit entries as CSV that a spreadsheet opens without running anything."""

import csv
import json
from collections.abc import Iterator

from django.db.models import QuerySet

from auditlog.models import AuditEntry

HEADER = ("id", "at", "tag", "actor", "action", "subject", "data")
FORMULA = ("=", "+", "-", "@", "\t", "\r")


class _Echo:
    def write(self, line: str) -> str:
        return line


def csv_lines(entries: QuerySet[AuditEntry]) -> Iterator[str]:
    """Return the entries line by line, however many there are."""
    writer = csv.writer(_Echo())
    yield writer.writerow(HEADER)
    for entry in entries.iterator(chunk_size=2000):
        data = json.dumps(entry.data, ensure_ascii=False)
        values = (str(entry.pk), entry.at.isoformat(), entry.tag, entry.actor, entry.action, entry.subject)
        yield writer.writerow([safe_cell(value) for value in (*values, data)])


def safe_cell(text: str) -> str:
    """Keep a spreadsheet from taking a text for a formula."""
    return f"'{text}" if text.startswith(FORMULA) else text

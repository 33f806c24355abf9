"""The way to a page, in the words of the sidebar."""

from django import template
from django.template.defaultfilters import capfirst

register = template.Library()

# django-unfold tells kinds of things by their tables.
NAMES = {
    "backfill runs": "Runs",
    "id tag mappings": "idTags",
    "users": "Staff",
    "audit entries": "Audit log",
}


@register.filter
def crumb(title: object) -> str:
    return NAMES.get(str(title)) or capfirst(str(title))

"""Hints and reasons as the console words them: its controls, and staff by name."""

from django import template

from auditlog.people import with_names
from customers.admin import wording

register = template.Library()


@register.filter
def in_console(text: object) -> str:
    return with_names(wording.in_console(str(text or "")))

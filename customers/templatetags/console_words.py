"""Hints as the console words them."""

from django import template

from auditlog import people
from customers.admin import wording

register = template.Library()


@register.filter
def in_console(text: object) -> str:
    return wording.in_console(str(text or ""))


@register.filter
def with_names(text: object) -> str:
    """Name the staff in what our records say by number; for single sentences, as it may be a query each."""
    return people.with_names(str(text or ""))

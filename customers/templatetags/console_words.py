"""Hints as the console words them."""

from django import template

from customers.admin import wording

register = template.Library()


@register.filter
def in_console(text: object) -> str:
    return wording.in_console(str(text or ""))

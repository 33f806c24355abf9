"""What the mails and the customers' pages write in the language of whoever reads them."""

from datetime import date

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from customers import phrases

register = template.Library()


@register.filter
def day(value: date) -> str:
    return phrases.day(value)


@register.filter
def mail_linked(address: str, style: str = "") -> SafeString:
    return _link(f"mailto:{address}", address, style)


@register.filter
def linked(address: str, style: str = "") -> SafeString:
    return _link(address, address, style)


def _link(where: str, address: str, style: str) -> SafeString:
    """Make a link; one in a mail has to bring its style with it."""
    if style:
        return format_html('<a href="{}" style="{}">{}</a>', where, style, address)
    return format_html('<a href="{}">{}</a>', where, address)

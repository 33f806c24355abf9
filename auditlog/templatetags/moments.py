"""A moment on a page: how long ago it was, and on hover exactly when, in UTC.

It is here because no other folder with pages is below this one; every page uses it.
"""

from datetime import UTC, datetime

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from kernel.moments import ago as in_words

register = template.Library()


@register.filter
def ago(moment: object, now: datetime | None = None) -> SafeString | str:
    """Make the element; nothing where there is no moment."""
    if not isinstance(moment, datetime):
        return ""
    exactly = moment.astimezone(UTC)
    return format_html(
        '<time class="pb-nowrap" datetime="{}" title="{} UTC">{}</time>',
        f"{exactly:%Y-%m-%dT%H:%M:%SZ}",
        f"{exactly:%Y-%m-%d %H:%M:%S}",
        in_words(exactly, now or timezone.now()),
    )

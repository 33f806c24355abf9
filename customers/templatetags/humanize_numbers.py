"""Numbers and durations as people read them."""

from django import template

register = template.Library()


@register.filter
def thousands(number: object) -> str:
    return f"{number:,}" if isinstance(number, int | float) else ""


@register.filter
def duration(seconds: object) -> str:
    """Say how long: 45 s, 3 min 20 s, 1 h 5 min."""
    if not isinstance(seconds, int | float):
        return ""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    minutes, left = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {left} s" if left else f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min"

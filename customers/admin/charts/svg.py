"""Elements of SVG as text. What is put inside is escaped, unless it is an element."""

from fractions import Fraction
from html import escape


class Markup(str):
    """Text that is to stand in a page as it is. Templates ask `__html__`, as of Django's own safe text."""

    __slots__ = ()

    def __html__(self) -> "Markup":
        return self


def element(name: str, *inside: str, **attributes: object) -> Markup:
    """Write an element. Of an attribute's name, `_` is a hyphen, and one at its end is dropped: `class_`."""
    told = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(str(value))}"' for key, value in attributes.items()
    )
    text = "".join(one if isinstance(one, Markup) else escape(one) for one in inside)
    return Markup(f"<{name}{told}>{text}</{name}>")


def chart(key: str, title: str, description: str, height: int, *inside: Markup) -> Markup:
    """Write a whole chart; `key` tells it from the others of its page."""
    return element(
        "svg",
        element("title", title, id=f"{key}-title"),
        element("desc", description, id=f"{key}-desc"),
        *inside,
        class_="pb-chart",
        role="img",
        aria_labelledby=f"{key}-title {key}-desc",
        width="100%",
        height=height,
    )


def percent(part: Fraction | float) -> str:
    """Write a share of 1."""
    return f"{float(part) * 100:.3f}%"

"""Bars that lie one below the other: what each is, how much, and a length."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from customers.admin.charts.svg import Markup, chart, element, percent

ROW = 44
LABEL = 48  # percent of the width; the rest is the number's
LETTERS = 40
LEAST = Fraction(1, 250)  # what is more than nothing can be seen


@dataclass(frozen=True, slots=True)
class Bar:
    """`told`: its value in words. `is_rest`: it stands for many, and looks like that."""

    label: str
    value: int
    told: str
    is_rest: bool = False


def bars(key: str, title: str, given: Sequence[Bar]) -> Markup:
    """Draw bars in the order in which they come, against the longest of them."""
    longest = max((bar.value for bar in given), default=0)
    description = "; ".join(f"{bar.label}: {bar.told}" for bar in given)
    drawn = [_bar(bar, ROW * number, longest) for number, bar in enumerate(given)]
    return chart(key, title, description, max(ROW * len(given), 1), *drawn)


def _bar(bar: Bar, top: int, longest: int) -> Markup:
    kind = "pb-chart-rest" if bar.is_rest else "pb-chart-bar"
    return element(
        "g",
        element("title", f"{bar.label}: {bar.told}"),
        element("svg", element("text", _short(bar.label), x=0, y=14), y=top, width=f"{LABEL}%", height=20),
        element("text", bar.told, class_="pb-chart-number", x="100%", y=top + 14, text_anchor="end"),
        element("rect", class_="pb-chart-track", x=0, y=top + 21, width="100%", height=12, rx=2),
        element(
            "rect", class_=kind, x=0, y=top + 21, width=percent(_share(bar.value, longest)), height=12, rx=2
        ),
    )


def _share(value: int, longest: int) -> Fraction:
    return max(Fraction(value, longest), LEAST) if value > 0 else Fraction()


def _short(label: str) -> str:
    return label if len(label) <= LETTERS else f"{label[: LETTERS - 1]}…"

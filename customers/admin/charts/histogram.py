"""Upright bars along time, with today as a line."""

from collections.abc import Sequence
from datetime import date

from customers.admin.charts.bins import Bin
from customers.admin.charts.svg import Markup, chart, element, percent

TOP = 40  # above it two lines of words: today, and the highest number
PLOT = 150
FLOOR = TOP + PLOT
HEIGHT = FLOOR + 22
WIDEST = 0.12
FILLED = 0.82
WITH_MIDDLE = 5  # so many spans have room for a label between the first and the last


def histogram(key: str, title: str, spans: Sequence[Bin], today: date) -> Markup:
    """Draw spans in their order; one of them holds today."""
    description = "; ".join(f"{span.label}: {span.number:,}" for span in spans if span.number)
    highest = max(spans, key=lambda span: span.number)
    return chart(
        key,
        title,
        f"Today is {today}. {description or 'There is none'}.",
        HEIGHT,
        *(part for place, span in enumerate(spans) for part in _bar(span, place, len(spans), highest.number)),
        element("line", class_="pb-chart-floor", x1=0, y1=FLOOR, x2="100%", y2=FLOOR),
        *_peak(highest, spans.index(highest), len(spans)),
        *_labels(spans),
        *_today(spans, today),
    )


def _bar(span: Bin, place: int, number: int, highest: int) -> list[Markup]:
    """Draw what has begun, and upon it what begins later."""
    if not span.number:
        return []
    width = min(FILLED / number, WIDEST)
    left = (place + 0.5) / number - width / 2
    begun, whole = PLOT * span.begun / highest, max(PLOT * span.number / highest, 1.0)
    drawn = [("pb-chart-bar", begun, 0.0), ("pb-chart-later", whole - begun, begun)]
    return [
        element(
            "g",
            element("title", f"{span.label}: {span.number:,}"),
            *(
                element(
                    "rect",
                    class_=kind,
                    x=percent(left),
                    y=f"{FLOOR - below - height:.2f}",
                    width=percent(width),
                    height=f"{height:.2f}",
                )
                for kind, height, below in drawn
                if height > 0
            ),
        )
    ]


def _peak(highest: Bin, place: int, number: int) -> list[Markup]:
    if not highest.number:
        return []
    return [_words(f"{highest.number:,}", (place + 0.5) / number, TOP - 5, "pb-chart-number")]


def _labels(spans: Sequence[Bin]) -> list[Markup]:
    """Name the first span, the last, and one between them."""
    last, y = len(spans) - 1, FLOOR + 16
    if not last:
        return [_words(spans[0].label, 0.5, y, "")]
    middle = [last // 2] if len(spans) >= WITH_MIDDLE else []
    return [
        _words(spans[0].label, 0, y, ""),
        *(_words(spans[one].label, (one + 0.5) / len(spans), y, "") for one in middle),
        _words(spans[last].label, 1, y, ""),
    ]


def _today(spans: Sequence[Bin], today: date) -> list[Markup]:
    place = next(place for place, span in enumerate(spans) if span.first <= today <= span.last)
    at = (place + spans[place].share_before(today)) / len(spans)
    line = element("line", class_="pb-chart-today", x1=percent(at), y1=TOP - 22, x2=percent(at), y2=FLOOR)
    return [line, _words(f"today, {today}", at, TOP - 27, "pb-chart-number")]


def _words(text: str, at: float, y: int, kind: str) -> Markup:
    """Write at a share of the width: at its sides, so that nothing sticks out."""
    anchor = "start" if at < 0.2 else "end" if at > 0.8 else "middle"
    return element("text", text, class_=kind, x=percent(at), y=y, text_anchor=anchor)

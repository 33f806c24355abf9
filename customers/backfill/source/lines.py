"""How lines are named to an operator."""

from collections.abc import Sequence

_NAMED = 10


def lines_named(lines: Sequence[int]) -> str:
    """Name lines, neighbours as a range: "lines 2–4, 9"; of many the first few."""
    ranges: list[list[int]] = []
    for line in lines:
        if ranges and line == ranges[-1][1] + 1:
            ranges[-1][1] = line
        else:
            ranges.append([line, line])
    shown = ", ".join(str(one) if one == last else f"{one}–{last}" for one, last in ranges[:_NAMED])
    more = sum(last - one + 1 for one, last in ranges[_NAMED:])
    word = "line" if len(lines) == 1 else "lines"
    return f"{word} {shown}" + (f" and {more:,} more" if more else "")

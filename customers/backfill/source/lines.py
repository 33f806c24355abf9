"""How lines are named to an operator."""

from collections.abc import Sequence

_NAMED = 10


def lines_named(lines: Sequence[int]) -> str:
    """Name lines, neighbours as a range: "lines 2–4, 9"; of many the first few."""
    found = _neighbours(lines)
    shown = ", ".join(str(one) if one == last else f"{one}–{last}" for one, last in found[:_NAMED])
    more = sum(last - one + 1 for one, last in found[_NAMED:])
    word = "line" if len(lines) == 1 else "lines"
    return f"{word} {shown}" + (f" and {more:,} more" if more else "")


def ranges(lines: Sequence[int]) -> str:
    """Name all lines for a log: `2-4,9`."""
    return ",".join(str(one) if one == last else f"{one}-{last}" for one, last in _neighbours(lines))


def _neighbours(lines: Sequence[int]) -> list[list[int]]:
    found: list[list[int]] = []
    for line in lines:
        if found and line == found[-1][1] + 1:
            found[-1][1] = line
        else:
            found.append([line, line])
    return found

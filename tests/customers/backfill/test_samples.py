"""What people are shown of a file as it was read."""

from collections.abc import Iterator

import pytest

from customers.backfill.samples import OF_EACH_CODE, first_rows, unusual_rows
from customers.backfill.source import SourceRow, Values


def given(count: int, asked: list[int]) -> Iterator[SourceRow]:
    """Rows that say when they are read."""
    for line in range(2, count + 2):
        asked.append(line)
        yield SourceRow(line, Values("a@b.de", "Ann\u200b", f"C-{line}", "A1", "standard", "2024-01-31"), ())


def test_only_as_much_of_a_file_is_read_as_is_shown() -> None:
    asked: list[int] = []

    first = first_rows(given(1000, asked))
    shown = unusual_rows(given(1000, asked), {line: ["value_damaged"] for line in range(3, 900)})

    assert [line for line, *_ in first] == [2, 3, 4, 5, 6]
    assert [line for line, *_ in shown] == [3, 4, 5][:OF_EACH_CODE]
    assert max(asked) < 10
    assert first[0][1][1] == "Ann<U+200B>"


@pytest.mark.parametrize("codes", [{}, {2: ["email_exists"]}])
def test_where_nothing_is_unusual_nothing_is_read(codes: dict[int, list[str]]) -> None:
    asked: list[int] = []

    assert (unusual_rows(given(1000, asked), codes), asked) == ([], [])

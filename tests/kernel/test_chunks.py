"""Long lists in pieces."""

from kernel.chunks import chunks


def test_chunks_lose_nothing() -> None:
    assert list(chunks(range(5), 2)) == [[0, 1], [2, 3], [4]]
    assert list(chunks([], 2)) == []

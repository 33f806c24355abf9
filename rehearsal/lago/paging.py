"""Pages of a list, with the rules and oddities of Lago's paging."""

import re
from collections.abc import Sequence
from typing import Any, TypeVar

from rehearsal.lago.errors import internal
from rehearsal.stand_in.messages import Json

Row = TypeVar("Row")

DEFAULT_PER_PAGE = 100
FALLBACK_PER_PAGE = 25  # what the paging library takes when it is given something unusable


def page(rows: Sequence[Row], params: Json) -> tuple[Sequence[Row], Json]:
    """Cut the asked page out of `rows` and describe it; `per_page=0` breaks the server, as it does there."""
    per_page = _per_page(params)
    if not rows:
        return [], _meta(0, None, None, 0, 0)
    if per_page == 0:
        raise internal()
    current = max(_number(params.get("page")) or 1, 1)
    pages = -(-len(rows) // per_page)
    following = current + 1 if current < pages else None
    start = (current - 1) * per_page
    meta = _meta(current, following, current - 1 or None, pages, len(rows))
    return rows[start : start + per_page], meta


def _per_page(params: Json) -> int:
    if params.get("per_page") is None:
        return DEFAULT_PER_PAGE
    number = _number(params["per_page"])
    return FALLBACK_PER_PAGE if number is None or number < 0 else number


def _number(value: Any) -> int | None:
    return int(value) if re.fullmatch(r"-?\d{1,9}", str(value)) else None


def _meta(current: int, following: int | None, previous: int | None, pages: int, count: int) -> Json:
    return {
        "current_page": current,
        "next_page": following,
        "prev_page": previous,
        "total_pages": pages,
        "total_count": count,
    }

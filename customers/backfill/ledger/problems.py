"""Problems as the ledger and JSON documents keep them."""

from typing import Any

from kernel import Problem


def as_json(problem: Problem) -> dict[str, Any]:
    return {
        "code": problem.code,
        "field": problem.field,
        "message": problem.message,
        "hint": problem.hint,
    }

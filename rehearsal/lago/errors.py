"""Lago's refusals, one function for each shape of error body."""

from collections.abc import Mapping, Sequence
from typing import Any

from rehearsal.stand_in.messages import Json


class RefusedError(Exception):
    """A call that Lago answers with an error; `body` is the answer's JSON."""

    def __init__(self, status: int, body: Json) -> None:
        super().__init__(f"{status} {body.get('code', body['error'])}")
        self.status = status
        self.body = body


def _refused(status: int, error: str, **more: Any) -> RefusedError:
    return RefusedError(status, {"status": status, "error": error, **more})


def bad_request() -> RefusedError:
    return _refused(400, "Bad Request")


def root_missing(root: str) -> RefusedError:
    return _refused(400, f"BadRequest: param is missing or the value is empty or invalid: {root}")


def unauthorized() -> RefusedError:
    return _refused(401, "Unauthorized")


def forbidden(code: str) -> RefusedError:
    return _refused(403, "Forbidden", code=code)


def not_found(resource: str) -> RefusedError:
    return _refused(404, "Not Found", code=f"{resource}_not_found")


def not_allowed(code: str) -> RefusedError:
    """Return a refusal by business rule; a wrong HTTP verb is not found instead."""
    return _refused(405, "Method Not Allowed", code=code)


def invalid(details: Mapping[str, Any]) -> RefusedError:
    return _refused(422, "Unprocessable Entity", code="validation_errors", error_details=dict(details))


def invalid_field(field: str, *codes: str) -> RefusedError:
    return invalid({field: list(codes)})


def internal() -> RefusedError:
    return _refused(500, "Internal Server Error")


def raise_if_any(problems: Mapping[str, Sequence[str]]) -> None:
    if problems:
        raise invalid({field: list(codes) for field, codes in problems.items()})

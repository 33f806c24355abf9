"""What SteVe answers, version by version, and what answers in its place."""

from typing import Any

from tests.billing.scripted import Answer

HTML = {"Content-Type": "text/html;charset=utf-8"}


def id_tag(id_tag: str = "A1B2C3D4", pk: int = 1, limit: int = -1, **more: Any) -> dict[str, Any]:
    return {
        "ocppTagPk": pk,
        "idTag": id_tag,
        "maxActiveTransactionCount": limit,
        "parentIdTag": None,
        "expiryDate": None,
        "note": None,
        "inTransaction": False,
        "blocked": limit == 0,
        **more,
    }


def error(status: int, message: str) -> Answer:
    """SteVe's own `ApiErrorResponse`: its status is a number."""
    body = {"timestamp": "2026-11-22T12:00:00.000Z", "status": status, "error": "x", "message": message}
    return Answer(status, {**body, "path": "/steve/api/v1/ocppTags"})


def jetty(status: int) -> Answer:
    """The page of SteVe's web server, as JSON, since that is asked for: its status is a text."""
    return Answer(status, {"url": "/api/v1/ocppTags", "status": str(status), "message": "Not Found"})


def page(status: int, text: str, **headers: str) -> Answer:
    return Answer(status, text.encode(), {**HTML, **headers})


def redirect(location: str) -> Answer:
    return page(302, "", Location=location)


DOUBLE = error(422, "A user with this idTag exists already")
NOT_THERE = error(404, "Could not find this ocppTag")
BROKEN = error(500, "Internal Server Error")
GATEWAY = page(502, "<h1>502 Bad Gateway</h1>")
EMPTY = Answer(200, [])

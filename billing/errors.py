"""The one exception of the Lago client, and what an answer that is not a success turns into."""

import re
from collections.abc import Mapping
from typing import Any

from kernel import RemoteError

UNREACHABLE = "lago_unreachable"
REFUSED = "lago_refused"
UNEXPECTED = "lago_unexpected"
ID_MISMATCH = "lago_id_mismatch"
UNREADABLE = "lago_subscription_unreadable"

LOOK = "Look at this customer in Lago before running the same command again."
HINTS = {
    REFUSED: "See what Lago says of it, correct the row or Lago, and run the same command again.",
    UNEXPECTED: LOOK,
    ID_MISMATCH: LOOK,
}
NOT_LAGO = "check LAGO_API_URL, or the proxy in between"
# What comes over the wire is shown only if it looks like one of Lago's own words, never as it is.
LAGO_WORD = re.compile(r"[a-z][a-z0-9_]{0,79}")


class LagoError(RemoteError):
    """A call to Lago that did not succeed.

    `status` is None where no HTTP answer came. `lago_code` and `details` are Lago's `code` and
    `error_details`; the latter may repeat values that were sent and must not be shown. `repeatable`: the same
    call, later, is safe and may succeed. `retry_after_s` is how long Lago asked us to wait.
    `tries` counts the tries of this call up to this one.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        status: int | None = None,
        lago_code: str = "",
        details: Mapping[str, Any] | None = None,
        repeatable: bool = False,
        sent: bool = False,
        down: bool = False,
        retry_after_s: float = 0.0,
    ) -> None:
        super().__init__(code, message, sent=sent, down=down)
        self.hint = HINTS.get(code, self.hint)
        self.status = status
        self.lago_code = lago_code
        self.details: Mapping[str, Any] = details or {}
        self.repeatable = repeatable
        self.retry_after_s = retry_after_s
        self.tries = 1


def unreachable(message: str, *, repeatable: bool, sent: bool) -> LagoError:
    return LagoError(UNREACHABLE, message, repeatable=repeatable, sent=sent, down=True)


def redirected(what: str, status: int) -> LagoError:
    return LagoError(UNREACHABLE, f"{what} was redirected ({status}): {NOT_LAGO}", status=status, down=True)


def not_lago(what: str, status: int, *, write: bool) -> LagoError:
    """Return the error for an HTML, empty or otherwise foreign page in Lago's place."""
    message = f"{what} was answered ({status}), but not by Lago: {NOT_LAGO}"
    success = status < 300
    return LagoError(
        UNREACHABLE, message, status=status, repeatable=success, sent=write and success, down=True
    )


def not_asked_for(what: str, status: int, *, write: bool) -> LagoError:
    """Return the error for a 2xx that is cut short, not JSON, or about something else."""
    message = f"{what} was answered ({status}) with something else than was asked for"
    return LagoError(UNEXPECTED, message, status=status, repeatable=True, sent=write, down=True)


def unavailable(what: str, status: int, *, write: bool, retry_after_s: float) -> LagoError:
    """Return the error for 429 and 5xx: after a 5xx the work may have been done, after a 429 it has not."""
    why = "asks us to slow down" if status == 429 else "failed"
    return LagoError(
        UNREACHABLE,
        f"{what}: Lago {why} ({status})",
        status=status,
        repeatable=True,
        sent=write and status != 429,
        down=True,
        retry_after_s=retry_after_s,
    )


def refused(what: str, status: int, body: Mapping[str, Any]) -> LagoError:
    """Return the error for a 4xx that Lago itself answered."""
    code = _word(body.get("code"))
    raw = body.get("error_details")
    details = raw if isinstance(raw, dict) else {}
    return LagoError(
        REFUSED, _refusal(what, status, code, details), status=status, lago_code=code, details=details
    )


def _refusal(what: str, status: int, code: str, details: Mapping[str, Any]) -> str:
    if status == 401:
        return "Lago refused the key (401): check LAGO_API_KEY"
    if status == 404 and code in ("", "resource_not_found"):
        return f"{what}: Lago does not know this address ({status}): {NOT_LAGO}"
    fields = ", ".join(word for word in map(_word, details) if word)
    said = " ".join(part for part in (str(status), code) if part)
    return f"Lago refused {what} ({said})" + (f": {fields}" if fields else "")


def _word(value: object) -> str:
    return value if isinstance(value, str) and LAGO_WORD.fullmatch(value) else ""


def proxy_cuts_ids(what: str) -> LagoError:
    """Return the error for an id with a dot that cannot be addressed: acting on it would hit another one."""
    return LagoError(ID_MISMATCH, f"this {what}'s id has a dot, and Lago or a proxy cuts it off: {NOT_LAGO}")

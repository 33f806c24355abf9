"""Calls to SteVe that did not succeed, and how each is told: what it means, and what to do about it.

A message says no more than method, path and status: a body may echo customers' data, and query parameters
hold idTags. SteVe's own words are told in ours.
"""

from kernel import RemoteError

HINTS = {
    "steve_refused": "See what SteVe says of it, correct the row or SteVe, and run the same command again.",
    "steve_unexpected": "Look at this idTag in SteVe before running the same command again.",
}
NOT_STEVE = "check STEVE_BASE_URL, or the proxy in between"
THE_BASE = "STEVE_BASE_URL must be SteVe's own base, such as http://host:8080/steve"
REMEMBERED = "SteVe notices a change of its users after up to ten minutes"

# What SteVe says of a login that it does not take, by some of its words, and what that means.
LOGINS = {
    "invalid password": "the password is wrong. STEVE_API_KEY must be the API password of"
    f" STEVE_API_USERNAME, not the one of its web sign-in; {REMEMBERED}",
    "api access disabled": "it has no such user, or the user is disabled, or has no API password, or the API"
    f" is switched off. Check STEVE_API_USERNAME, and the user in SteVe; {REMEMBERED}",
    "required parameters": "no login arrived. Check STEVE_API_USERNAME and STEVE_API_KEY, and the proxy in"
    " between",
    "full authentication": "up to version 3.7 it wants a header. Check STEVE_API_KEY_HEADER (its webapi.key)"
    " and STEVE_API_KEY (its webapi.value)",
}
OTHER_LOGIN = "check STEVE_API_USERNAME and STEVE_API_KEY"
PROXY_LOGIN = "the answer is not SteVe's, so a proxy in between may want a login of its own"


class SteveError(RemoteError):
    """A call to SteVe that did not succeed; `status` is the HTTP status, if one came.

    `repeatable`: the same call may succeed if it is made again. `is_doubtful`: it may be the fault of SteVe
    as a whole or of this call alone, which only another call can tell. `is_late`: no answer came in time.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        status: int | None = None,
        sent: bool = False,
        down: bool = False,
        repeatable: bool = False,
        is_doubtful: bool = False,
        is_late: bool = False,
    ) -> None:
        super().__init__(code, message, sent=sent, down=down)
        self.hint = HINTS.get(code, self.hint)
        self.status = status
        self.repeatable = repeatable
        self.is_doubtful = is_doubtful
        self.is_late = is_late

    @property
    def is_not_found(self) -> bool:
        """Return whether SteVe itself says that the thing is not there; a stranger's 404 does not count."""
        return self.code == "steve_refused" and self.status == 404


# --- What SteVe says ---------------------------------------------------------------------------------


def refused(what: str, status: int) -> SteveError:
    return SteveError("steve_refused", f"SteVe refused {what} ({status})", status=status)


def login_refused(said: str | None) -> SteveError:
    """Return the error for a 401; `said` are SteVe's own words, None where it is not SteVe that refuses."""
    if said is None:
        why = f"{OTHER_LOGIN}; {PROXY_LOGIN}"
    else:
        why = next((why for words, why in LOGINS.items() if words in said.lower()), OTHER_LOGIN)
    return SteveError("steve_refused", f"SteVe refused the credentials (401): {why}", status=401)


def switched_off(status: int) -> SteveError:
    message = (
        f"SteVe's API is switched off ({status}): set webapi.key and webapi.value in SteVe and restart it"
    )
    return SteveError("steve_refused", message, status=status)


def failed(what: str, status: int, *, write: bool) -> SteveError:
    """Return the error for a 5xx. What a proxy says in SteVe's stead tells nothing of the call itself."""
    return SteveError(
        "steve_unreachable",
        f"{what}: SteVe failed ({status})",
        status=status,
        sent=write,
        down=True,
        repeatable=True,
        is_doubtful=status not in (502, 503, 504),
    )


def failed_at_this(what: str, status: int | None) -> SteveError:
    """Return the error for a write that fails while SteVe works: a caller's fault is a 500 to SteVe too."""
    message = f"{what}: SteVe failed at this one ({status}) and works otherwise: see its log"
    return SteveError("steve_refused", message, status=status, sent=True)


# --- Something else than SteVe, or SteVe elsewhere ---------------------------------------------------


def unexpected(what: str, came: str, *, status: int | None = None, sent: bool = False) -> SteveError:
    """Return the error for an answer of another form than SteVe's."""
    message = f"{what} was answered with {came}: {NOT_STEVE}"
    return SteveError("steve_unexpected", message, status=status, sent=sent, down=True, repeatable=True)


def redirected(what: str, status: int, *, to_sign_in: bool, to_https: bool) -> SteveError:
    """Return the error for a redirect; SteVe sends whoever comes without a login to its sign-in page."""
    if to_sign_in:
        how = f"led to SteVe's sign-in page ({status}): a proxy takes the login away, or {THE_BASE}"
    elif to_https:
        how = f"redirected to https ({status}): write https:// in STEVE_BASE_URL"
    else:
        how = f"redirected ({status}), which SteVe's API does not do: {NOT_STEVE}"
    return SteveError("steve_unreachable", f"{what} was {how}", status=status, down=True)


def no_such_path(what: str, status: int) -> SteveError:
    """Return the error for a path that nobody knows there. From 3.9 on SteVe says 403 to it, never 404."""
    message = f"{what}: there is no such path ({status}): {THE_BASE}"
    return SteveError("steve_unreachable", message, status=status, down=True, repeatable=status == 404)


def plain_on_https(what: str, status: int) -> SteveError:
    message = f"{what}: https is spoken there ({status}): write https:// in STEVE_BASE_URL"
    return SteveError("steve_unreachable", message, status=status, down=True)


# --- No answer ---------------------------------------------------------------------------------------


def late(what: str, timeout_s: float, *, write: bool, settable: bool) -> SteveError:
    """Return the error for no answer in time; `settable`: in the time that the settings allow."""
    remedy = ": see why it is slow, or set STEVE_TIMEOUT_S higher" if settable else ""
    message = f"{what}: SteVe did not answer within {timeout_s:.3g} s{remedy}"
    return SteveError(
        "steve_unreachable",
        message,
        sent=write,
        down=True,
        repeatable=True,
        is_doubtful=True,
        is_late=True,
    )


def lost(what: str, why: str, check: str, *, sent: bool, repeatable: bool, timed_out: bool) -> SteveError:
    """Return the error for a connection that was not made or broke; `timed_out`: nobody answered the door."""
    return SteveError(
        "steve_unreachable",
        f"{what}: SteVe cannot be reached ({why}): {check}",
        sent=sent,
        down=True,
        repeatable=repeatable,
        is_doubtful=timed_out,
        is_late=timed_out,
    )


def away(error: SteveError) -> SteveError:
    """Return the error for a call after which SteVe failed at a harmless one too."""
    message = f"{error}; it fails at a call that changes nothing too: see its log and its database"
    made = SteveError(error.code, message, status=error.status, sent=error.sent, down=True)
    made.away = True
    return made


def still_away(why: str) -> SteveError:
    """Return the error for a call that was not made, as SteVe does not work."""
    made = SteveError("steve_unreachable", f"SteVe does not work at the moment. {why}", down=True)
    made.away = True
    return made

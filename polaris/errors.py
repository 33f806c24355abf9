"""What goes wrong in the platform's database, told by SQLSTATE and the name of a constraint.

The server's own words hold whole rows and ids; they are neither shown nor logged.
"""

import psycopg

from kernel import RemoteError

AGAIN = "Mend it and run the same command again: it continues where this run stopped."
LOGGED = "The log of the platform's database says which row: mend that there, and run the same command again."
HINTS = {
    "polaris_unreachable": AGAIN,
    "polaris_refused": "Give the role what it lacks (docs/polaris.md), and run the same command again.",
    "platform_user_conflict": "Look at this customer on the platform, and run the same command again.",
    "platform_mapping_conflict": "Look at this card on the platform, and run the same command again.",
}
NO_ANSWER = "The platform's database does not answer"
READ_ONLY, NO_RIGHT = "25006", "42501"
AWAY = ("08", "53", "57")  # classes of SQLSTATE: no connection, no room, shut down or cancelled
IN_THE_WAY = ("55P03", "40001", "40P01")  # a lock, a serialization failure, a deadlock: it passes


class PolarisError(RemoteError):
    """A statement in the platform's database that did not succeed."""

    def __init__(self, code: str, message: str, *, sent: bool = False, down: bool = False) -> None:
        super().__init__(code, message, sent=sent, down=down)
        self.hint = HINTS.get(code, self.hint)


def not_reached(place: str) -> PolarisError:
    """Say that a connection was never made. Why, the driver tells only in words, in the server's language."""
    why = f"{NO_ANSWER}, or takes no such login: check POLARIS_DATABASE_URL ({place})"
    lost = PolarisError("polaris_unreachable", why, down=True)
    lost.away = True
    return lost


def no_platform(place: str) -> PolarisError:
    """Say that it is another database than the platform's."""
    why = (
        f"The database {place} has none of the platform's tables: check POLARIS_DATABASE_URL, and the"
        " search_path of its role"
    )
    another = PolarisError("polaris_refused", why)
    another.hint = AGAIN
    return another


def told(error: psycopg.Error, *, write: bool) -> PolarisError:
    """Say what a failure of the server or of the connection means."""
    state = error.sqlstate or ""
    if state == NO_RIGHT:
        return PolarisError("polaris_refused", "The role lacks a right in the platform's database")
    if state == READ_ONLY:
        return PolarisError("polaris_refused", "The platform's database takes no writes at the moment")
    if state in IN_THE_WAY:
        return PolarisError(
            "polaris_unreachable", "The platform's database was held by somebody else", down=True
        )
    if not state or state.startswith(AWAY):
        lost = PolarisError("polaris_unreachable", NO_ANSWER, sent=write, down=True)
        lost.away = True
        return lost
    name = error.diag.constraint_name
    what = f"{state}{f', {name}' if name else ''}"
    refused = PolarisError("polaris_refused", f"The platform's database refused a statement ({what})")
    refused.hint = LOGGED
    return refused

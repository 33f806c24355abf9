"""What can become of a mail that was not plainly accepted."""

from enum import StrEnum


class Kind(StrEnum):
    """Whose fault it is decides what may be done next."""

    REFUSED = "refused"  # this mail, for good: the recipient, or what it says
    DEFERRED = "deferred"  # this mail, for now
    AWAY = "away"  # all mails, for now: the server as a whole says later; nothing was accepted
    BROKEN = "broken"  # the mail server as a whole: login, sender, connection; nothing was accepted
    UNKNOWN = "unknown"  # perhaps accepted: it must not be sent again by itself


class DeliveryError(Exception):
    """A mail was not accepted, or perhaps was; both transports of ours raise only this.

    `code` is safe to show and log: it names the cause, never the recipient. `all_alike`: the next mail
    would probably meet the same, so it counts for the breaker. `locks_out`: whoever asks again the
    same way may be shut out for it. `retry_after_s`: not before, the server said.
    """

    def __init__(
        self,
        kind: Kind,
        code: str,
        *,
        retry_after_s: float = 0,
        all_alike: bool = False,
        locks_out: bool = False,
    ) -> None:
        super().__init__(f"{kind}: {code}")
        self.kind = kind
        self.code = code
        self.retry_after_s = retry_after_s
        self.all_alike = all_alike or kind is Kind.BROKEN
        self.locks_out = locks_out


class CannotCompose(Exception):
    """A mail cannot even be written; says why, without anything of the recipient."""

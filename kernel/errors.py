"""The one shape of a failed call."""


class RemoteError(Exception):
    """A call to another system that did not succeed; each client raises its own subclass.

    `code` is a problem code of the contract, `str(error)` is safe to show and log (no body, no key).
    `sent`: the request may have been carried out although no usable answer came.
    `down`: the system as a whole is at fault (unreachable, 5xx, rate limit), not this request.
    `away`: more than `down`: it failed at a harmless call too, so that nothing further is worth trying.
    `hint`: what an operator can do about it.
    """

    hint = "Run the same command again: it continues where this run stopped."

    def __init__(self, code: str, message: str, *, sent: bool = False, down: bool = False) -> None:
        super().__init__(message)
        self.code = code
        self.sent = sent
        self.down = down
        self.away = False

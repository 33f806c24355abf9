"""The one way to say that something cannot begin."""


class Refused(Exception):
    """Work could not start; nothing was written. The message is for the operator (exit 2)."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint

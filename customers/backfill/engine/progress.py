"""Who hears how far a long piece of work is."""


class Progress:
    """Hears how far a long piece of work is; this one does not tell anybody."""

    def start(self, what: str, total: int) -> None: ...

    def advance(self, number: int) -> None: ...

    def tell(self, message: str) -> None:
        """Hear what somebody asked of the work meanwhile."""

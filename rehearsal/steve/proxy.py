"""A proxy before SteVe that gets in the way: it keeps the login, or says itself that nothing is there."""

import re
from dataclasses import dataclass

from rehearsal.stand_in.messages import Request

TAKES_LOGIN, SAYS_404 = "takes_login", "404"
DOES = (TAKES_LOGIN, SAYS_404)


@dataclass(slots=True)
class Proxy:
    """`does` what (nothing: nobody is in the way), to which calls, and to how many of them (None: to all).

    `path` is a regular expression matched at the start of the raw path.
    """

    does: str = ""
    method: str = ""
    path: str = ""
    times: int | None = None

    def __post_init__(self) -> None:
        if self.does not in ("", *DOES):
            raise ValueError(f"a proxy does one of {', '.join(DOES)}, or nothing")
        try:
            re.compile(self.path)
        except re.error as error:
            raise ValueError(f"the path of a proxy is a regular expression: {error}") from error

    def strikes(self, request: Request) -> bool:
        """Count a call that the proxy gets hold of."""
        if not self.does or self.times == 0 or self.method.upper() not in ("", request.method):
            return False
        if not re.match(self.path, request.path):
            return False
        self.times = None if self.times is None else self.times - 1
        return True

"""The platform's pages for customers, as far as it matters to us whether they are there."""

import requests

from kernel import http
from polaris.errors import PolarisError

SIGN_IN = "/auth/verify"  # where links lead; a look at it without a token uses nothing up
TIMEOUT_S = 10


def has_sign_in(url: str) -> bool:
    """Return whether the page that links lead to is there; raise PolarisError where nobody answers."""
    try:
        response = requests.get(f"{url}{SIGN_IN}", timeout=TIMEOUT_S, allow_redirects=False)
    except requests.RequestException as failure:
        why = http.lost(failure).why
        raise PolarisError("polaris_unreachable", f"{url} cannot be reached ({why})", down=True) from None
    return response.status_code < 400

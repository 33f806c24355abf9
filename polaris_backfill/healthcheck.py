"""Asks the web server beside it whether it lives: the health check of the container."""

import http.client
import sys

from polaris_backfill import environment

PORT = 8000
TIMEOUT_S = 4


def is_healthy(port: int = PORT) -> bool:
    """Ask under a name that the server answers to, as it refuses every other."""
    names = (host.name for host in environment.hosts("ALLOWED_HOSTS"))
    host = next((name.lstrip(".") for name in names if name != "*"), "localhost")
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)
    try:
        connection.request("GET", "/healthz", headers={"Host": host})
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(0 if is_healthy() else 1)

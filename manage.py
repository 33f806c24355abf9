#!/usr/bin/env python
"""The door to every command."""

import gc
import os
import sys

from django.core.management import execute_from_command_line

from polaris_backfill import startup


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "polaris_backfill.settings")
    try:
        with startup.refusals_in_one_line(is_service=sys.argv[1:2] == ["qcluster"]):
            execute_from_command_line(sys.argv)
    except KeyboardInterrupt:  # while it was still loading, or in a command that does not listen for it
        sys.stderr.write("Stopped.\n")
        sys.exit(130)


if __name__ == "__main__":
    gc.disable()  # until all is loaded: nothing of that is garbage, and looking for some takes long
    main()

"""Open pages at another time: `python -m tests.upgrades.opening INSTANT PATH…` prints their statuses.

The links of an old dump have long expired, and only a process of its own can see another database.
"""

import os
import sys

import django
import time_machine

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"


def main(instant: str, *paths: str) -> None:
    django.setup()
    from django.conf import settings
    from django.test import Client

    settings.ALLOWED_HOSTS = ["testserver"]
    with time_machine.travel(instant):
        for path in paths:
            print(Client().get(path).status_code)


if __name__ == "__main__":
    main(*sys.argv[1:])

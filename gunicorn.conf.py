"""How gunicorn serves the pages: it finds this file by itself in the folder it starts in."""

from typing import Any

from polaris_backfill.serving import Log

bind = "0.0.0.0:8000"  # inside a container; compose.yaml opens it to this machine only
workers = 2
threads = 4
timeout = 60
worker_tmp_dir = "/dev/shm"  # noqa: S108 memory: a heartbeat file on a slow disk makes workers look dead
control_socket_disable = True
accesslog = None  # the token of a magic link is part of the address
logger_class = Log
raw_env = ["DJANGO_SETTINGS_MODULE=polaris_backfill.settings"]


def on_starting(server: Any) -> None:
    """Refuse a wrong environment here, in one line; in a worker it would be a traceback, again and again."""
    import django
    from django.core import checks

    from polaris_backfill import startup

    with startup.refusals_in_one_line(is_service=True):
        django.setup()
    for message in checks.run_checks():
        if message.is_serious():
            server.log.error("%s %s", message.id, message.msg)
            raise SystemExit(2)

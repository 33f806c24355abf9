"""Run the Lago sandbox in the foreground until it is interrupted."""

import signal
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from rehearsal.lago import SANDBOX_KEY, Sandbox
from rehearsal.lago.behaviour import Compat

STOPPING = {signal.SIGINT, signal.SIGTERM}


class Command(BaseCommand):
    help = "Run a stateful stand-in for Lago, for rehearsals and tests. Needs no database."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        add = parser.add_argument
        add("--host", default="127.0.0.1")
        add("--port", type=int, default=3000, help="0 takes a free one")
        add("--plan", action="append", help="CODE[:AMOUNT_CENTS[:CURRENCY[:INTERVAL[:advance]]]], repeatable")
        add("--key", default=SANDBOX_KEY, help="the API key to accept; default: a well-known one")
        add("--compat", choices=list(Compat), default=Compat.RELEASED, help="which Lago to be")
        add("--latency-ms", type=float, default=0)
        add("--rate-limit", type=int, default=0, metavar="N", help="answer 429 above N calls per second")
        add("--fault", action="append", default=[], help="KIND[,method=…][,path=REGEX][,nth=N][,times=N]…")
        add("--state", type=Path, metavar="FILE", help="load the state from here, and keep it here")

    def handle(self, *args: Any, **options: Any) -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)  # before the thread starts, which inherits it
        sandbox = _sandbox(options)
        try:
            self.stdout.write(
                f"Lago sandbox on {sandbox.url} (use LAGO_API_URL={sandbox.url} LAGO_API_KEY={sandbox.key})"
            )
            self.stdout.flush()
            signal.sigwait(STOPPING)
        finally:
            sandbox.stop()


def _sandbox(options: dict[str, Any]) -> Sandbox:
    names = ("host", "port", "key", "compat", "latency_ms", "rate_limit")
    try:
        sandbox = Sandbox(
            options["plan"] or (),
            faults=options["fault"],
            state_file=options["state"],
            **{name: options[name] for name in names},
        )
        sandbox.start()
    except (OSError, OverflowError, ValueError) as error:  # Overflow: a port that there is not
        raise CommandError(str(error), returncode=2) from error
    return sandbox

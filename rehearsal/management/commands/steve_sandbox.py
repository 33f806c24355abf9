"""Run a stand-in for SteVe and the platform behind it, to rehearse on a laptop."""

import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from rehearsal.steve import SteveSandbox
from rehearsal.steve.sandbox import SANDBOX_KEY, SANDBOX_USERNAME


class Command(BaseCommand):
    help = "Run a stand-in for SteVe: REST, charge points, and usage events into Lago. It keeps nothing."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--port", type=int, default=8080, help="of the REST API (0: a free one)")
        parser.add_argument(
            "--ocpp-port", type=int, default=8081, help="of the charge points (0: a free one)"
        )
        parser.add_argument("--username", default=SANDBOX_USERNAME)
        parser.add_argument("--key", default=SANDBOX_KEY)
        parser.add_argument("--charge-box", action="append", default=[], metavar="ID", help="repeatable")
        parser.add_argument("--lago-url", default="", help="where usage events go (default: nowhere)")
        parser.add_argument("--lago-key", default="")
        parser.add_argument("--metric-code", default="ev_charging_kwh")
        parser.add_argument(
            "--map",
            action="append",
            default=[],
            metavar="IDTAG=SUBSCRIPTION",
            help="bill an idTag, in this spelling, to a subscription's external_id (repeatable)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        stop = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stop.set())
        try:
            with _sandbox(options) as steve:
                self.stdout.write(_ready(steve))
                self.stdout.flush()
                stop.wait()
        except OSError as error:
            raise CommandError(f"Cannot listen: {error.strerror}", returncode=2) from error
        except OverflowError as error:
            raise CommandError("Cannot listen: a port is from 0 to 65535", returncode=2) from error


def _sandbox(options: dict[str, Any]) -> SteveSandbox:
    rules = [rule.partition("=")[::2] for rule in options["map"]]
    if not all(id_tag and subscription for id_tag, subscription in rules):
        raise CommandError("--map takes IDTAG=SUBSCRIPTION", returncode=2)
    return SteveSandbox(
        lago_url=options["lago_url"],
        lago_key=options["lago_key"],
        metric_code=options["metric_code"],
        charge_boxes=options["charge_box"],
        mapping=dict(rules),
        username=options["username"],
        key=options["key"],
        port=options["port"],
        ocpp_port=options["ocpp_port"],
    )


def _ready(steve: SteveSandbox) -> str:
    return (
        f"SteVe sandbox on {steve.url} (use STEVE_BASE_URL={steve.url} STEVE_OCPP_URL={steve.ocpp_url} "
        f"STEVE_API_USERNAME={steve.username} STEVE_API_KEY={steve.key})"
    )

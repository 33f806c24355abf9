"""Run a stand-in for SteVe and the platform behind it, to rehearse on a laptop."""

from typing import Any

from django.core.management.base import CommandParser

from rehearsal.stand_in.command import StandInCommand
from rehearsal.steve import SteveSandbox
from rehearsal.steve.sandbox import SANDBOX_KEY, SANDBOX_USERNAME

PASSED_ON = ("lago_url", "lago_key", "metric_code", "username", "key", "port", "ocpp_port")


class Command(StandInCommand):
    help = "Run a stand-in for SteVe: REST, charge points, and usage events into Lago. It keeps nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        add = parser.add_argument
        add("--port", type=int, default=8080, help="of the REST API (0: a free one)")
        add("--ocpp-port", type=int, default=8081, help="of the charge points (0: a free one)")
        add("--username", default=SANDBOX_USERNAME)
        add("--key", default=SANDBOX_KEY)
        add("--charge-box", action="append", default=[], metavar="ID", help="repeatable")
        add("--lago-url", default="", help="where usage events go (default: nowhere)")
        add("--lago-key", default="")
        add("--metric-code", default="ev_charging_kwh")
        add(
            "--map",
            action="append",
            default=[],
            metavar="IDTAG=SUBSCRIPTION",
            help="bill an idTag, in this spelling, to a subscription's external_id (repeatable)",
        )

    def stand_in(self, options: dict[str, Any]) -> SteveSandbox:
        rules = [rule.partition("=")[::2] for rule in options["map"]]
        if not all(id_tag and subscription for id_tag, subscription in rules):
            raise ValueError("--map takes IDTAG=SUBSCRIPTION")
        return SteveSandbox(
            charge_boxes=options["charge_box"],
            mapping=dict(rules),
            **{name: options[name] for name in PASSED_ON},
        )

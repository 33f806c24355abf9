"""Run a stand-in for SteVe and the platform behind it, to rehearse on a laptop."""

from typing import Any

from django.core.management.base import CommandParser

from rehearsal.stand_in.command import StandInCommand
from rehearsal.steve import SteveSandbox
from rehearsal.steve.logins import KEY_HEADER
from rehearsal.steve.sandbox import SANDBOX_KEY, SANDBOX_USERNAME
from rehearsal.steve.versions import NEWEST, TRIED

PASSED_ON = (
    "lago_url",
    "lago_key",
    "metric_code",
    "username",
    "key",
    "key_header",
    "clock_offset_s",
    "cost_factor",
    "port",
    "ocpp_port",
)


class Command(StandInCommand):
    help = "Run a stand-in for SteVe: REST, charge points, and usage events into Lago. It keeps nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        add = parser.add_argument
        add("--port", type=int, default=8080, help="of the REST API (0: a free one)")
        add("--ocpp-port", type=int, default=8081, help="of the charge points (0: a free one)")
        add("--username", default=SANDBOX_USERNAME)
        add("--key", default=SANDBOX_KEY)
        add("--key-header", default=KEY_HEADER, help="in which a SteVe up to 3.7 wants the key")
        add("--steve-version", choices=TRIED, default=NEWEST, help="which SteVe to be")
        add("--clock-offset-s", type=float, default=0.0, help="how far its clock is ahead (negative: behind)")
        add(
            "--cost-factor",
            type=float,
            default=0.0,
            help="what a call costs, next to a real SteVe: 1 is as much, 0 nothing",
        )
        add("--charge-box", action="append", default=[], metavar="ID", help="repeatable")
        add(
            "--charge-box-password",
            action="append",
            default=[],
            metavar="ID=PASSWORD",
            help="a charge box that has to bring a password, from 3.12 on (repeatable)",
        )
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
        return SteveSandbox(
            version=options["steve_version"],
            charge_boxes=options["charge_box"],
            charge_box_passwords=_pairs(options["charge_box_password"], "--charge-box-password ID=PASSWORD"),
            mapping=_pairs(options["map"], "--map IDTAG=SUBSCRIPTION"),
            **{name: options[name] for name in PASSED_ON},
        )


def _pairs(given: list[str], usage: str) -> dict[str, str]:
    pairs = [one.partition("=")[::2] for one in given]
    if not all(name and value for name, value in pairs):
        option, _, form = usage.partition(" ")
        raise ValueError(f"{option} takes {form}")
    return dict(pairs)

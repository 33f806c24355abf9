"""Run the Lago sandbox in the foreground until it is interrupted."""

from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from rehearsal.lago import SANDBOX_KEY, Sandbox
from rehearsal.lago.behaviour import Compat
from rehearsal.stand_in.command import StandInCommand

PASSED_ON = ("host", "port", "key", "compat", "latency_ms", "rate_limit", "breaks_on_quarterly")


class Command(StandInCommand):
    help = "Run a stateful stand-in for Lago, for rehearsals and tests. Needs no database."

    def add_arguments(self, parser: CommandParser) -> None:
        add = parser.add_argument
        add("--host", default="127.0.0.1")
        add("--port", type=int, default=3000, help="0 takes a free one")
        add("--plan", action="append", help="CODE[:AMOUNT_CENTS[:CURRENCY[:INTERVAL[:advance]]]], repeatable")
        add(
            "--coupon",
            action="append",
            default=[],
            metavar="CODE[:VALUE[:HOW]]",
            help="VALUE is 100%% or 500EUR (cents), HOW forever, once or a number of periods; repeatable",
        )
        add(
            "--payment-provider",
            action="append",
            default=[],
            metavar="NAME:CODE",
            help="a provider that customers can be connected to, such as stripe:stripe-eu; repeatable",
        )
        add("--key", default=SANDBOX_KEY, help="the API key to accept; default: a well-known one")
        add("--compat", choices=list(Compat), default=Compat.RELEASED, help="which Lago to be")
        add(
            "--breaks-on-quarterly",
            action="store_true",
            help="with --compat head: break at a quarterly plan in advance with anniversary billing",
        )
        add("--latency-ms", type=float, default=0)
        add("--rate-limit", type=int, default=0, metavar="N", help="answer 429 above N calls per second")
        add("--fault", action="append", default=[], help="KIND[,method=…][,path=REGEX][,nth=N][,times=N]…")
        add(
            "--webhook",
            action="append",
            default=[],
            metavar="URL",
            help="tell what happens there; repeatable",
        )
        add("--state", type=Path, metavar="FILE", help="load the state from here, and keep it here")

    def stand_in(self, options: dict[str, Any]) -> Sandbox:
        return Sandbox(
            options["plan"] or (),
            coupons=options["coupon"],
            payment_providers=options["payment_provider"],
            faults=options["fault"],
            webhooks=options["webhook"],
            state_file=options["state"],
            **{name: options[name] for name in PASSED_ON},
        )

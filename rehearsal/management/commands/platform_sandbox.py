"""Run a stand-in for Polaris Express beside a Lago and a SteVe, to rehearse on a laptop."""

from typing import Any

import psycopg
from django.core.management.base import CommandParser

from rehearsal.platform import PlatformSandbox
from rehearsal.platform.schema import Hole
from rehearsal.platform.sign_in import Library
from rehearsal.stand_in.command import StandInCommand

PASSED_ON = (
    "database_url",
    "schema",
    "lago_url",
    "lago_key",
    "steve_url",
    "steve_username",
    "steve_key",
    "metric_code",
    "look_back_minutes",
    "library",
    "every_s",
    "port",
)


class Command(StandInCommand):
    help = "Run a stand-in for Polaris Express: database, sync, webhooks and sign-in. Its database keeps all."

    def add_arguments(self, parser: CommandParser) -> None:
        add = parser.add_argument
        add("--database-url", required=True, help="its own database; tables are made unless they are there")
        add("--schema", default="public", help="of the tables (default: public)")
        add(
            "--hole",
            action="append",
            default=[],
            choices=[*Hole],
            help="leave out what an upgraded database lacks (repeatable)",
        )
        add("--lago-url", required=True)
        add("--lago-key", required=True)
        add("--steve-url", required=True, help="with its path, as STEVE_BASE_URL")
        add("--steve-username", required=True)
        add("--steve-key", required=True)
        add("--metric-code", default="ev_charging_kwh")
        add("--look-back-minutes", type=int, default=1440, help="older sessions are never billed")
        add("--library", choices=[*Library], default=Library.V1_6, help="version that reads sign-in links")
        add("--every-s", type=float, default=0, help="sync by itself so often (default: only when told)")
        add("--port", type=int, default=8082, help="of sign-in and webhooks (0: a free one)")

    def stand_in(self, options: dict[str, Any]) -> PlatformSandbox:
        try:
            return PlatformSandbox(holes=options["hole"], **{name: options[name] for name in PASSED_ON})
        except psycopg.Error as error:  # its text may name people and hosts
            raise ValueError(f"The platform's database cannot be used: {type(error).__name__}") from error

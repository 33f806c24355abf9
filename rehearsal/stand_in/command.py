"""What the commands share that run a stand-in in the foreground."""

import signal
from abc import ABC, abstractmethod
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from rehearsal.stand_in.stand_in import StandIn

STOPPING = {signal.SIGINT, signal.SIGTERM}


class StandInCommand(BaseCommand, ABC):
    """Run a stand-in until it is interrupted; end with exit code 2 if it cannot run."""

    requires_system_checks = ()

    @abstractmethod
    def stand_in(self, options: dict[str, Any]) -> StandIn:
        """Make the stand-in, not started yet; raise ValueError or OSError for a senseless option."""

    def handle(self, *args: Any, **options: Any) -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)  # before the thread starts, which inherits it
        stand_in = self._started(options)
        try:
            self.stdout.write(_ready(stand_in))
            self.stdout.flush()
            signal.sigwait(STOPPING)
        finally:
            stand_in.stop()

    def _started(self, options: dict[str, Any]) -> StandIn:
        try:
            stand_in = self.stand_in(options)
        except (OSError, ValueError) as error:
            raise CommandError(str(error), returncode=2) from error
        try:
            stand_in.start()
        except OSError as error:
            raise CommandError(f"Cannot listen: {error.strerror}", returncode=2) from error
        except OverflowError as error:  # a port that there is not
            raise CommandError(f"Cannot listen: {error}", returncode=2) from error
        return stand_in


def _ready(stand_in: StandIn) -> str:
    variables = " ".join(f"{name}={value}" for name, value in stand_in.variables().items())
    return f"{stand_in.name} sandbox on {stand_in.url} (use {variables})"

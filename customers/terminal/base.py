"""What all backfill commands share: exit codes, formats, signals, and failures told in one line."""

import getpass
import json
import os
import re
import shlex
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from io import TextIOWrapper
from types import FrameType
from typing import Any, NoReturn, TextIO, cast

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandParser
from django.db import DatabaseError, InterfaceError, OperationalError, connection

from auditlog.people import with_names
from customers.backfill.document import refusal
from customers.backfill.engine.stop import Stop
from customers.backfill.refused import Refused
from customers.backfill.source import SourceError
from customers.backfill.source.error_file import ErrorFileError
from customers.database import database_refusal
from customers.terminal.telling import Telling
from kernel import Problem, RemoteError

WELL, NOT_WELL, NOT_STARTED, INTERRUPTED = 0, 1, 2, 130


class BackfillCommand(BaseCommand):
    """Runs `work`, which gives the exit code, and turns each expected failure into a message and a code."""

    format = "text"
    work: Callable[..., int]  # takes the declared options by name and gives the exit code
    requires_migrations_checks = False

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--format", choices=["text", "json"], default="text", help="json: one document on standard output"
        )
        self.add_options(parser)

    def add_options(self, parser: CommandParser) -> None:
        """Declare the options of the command itself; this one has none."""

    def handle(self, *args: Any, **options: Any) -> None:
        self.format = options.pop("format")
        self._accept_every_character()
        known = {name: options[name] for name in options if name not in _DJANGO_OPTIONS}
        telling = Telling(self.actor)
        code = self._guarded(**known)
        telling.tell(self.say)
        if code != WELL:
            sys.exit(code)

    def _guarded(self, **options: Any) -> int:
        try:
            self._reach_database()
            return self.work(**options)
        except SourceError as error:
            told = self._with_a_way(error, options)
            return self.refuse(str(told), problems=told.problems)
        except Refused as error:
            return self.refuse(with_names(str(error)), error.hint)
        except (ImproperlyConfigured, ErrorFileError, RemoteError) as error:
            return self.refuse(str(error))
        except (OperationalError, InterfaceError):
            self.say("PostgreSQL no longer answers. Nothing is lost: run the same command again to continue.")
            return NOT_WELL
        except KeyboardInterrupt:
            self.say("Stopped at once. Run the same command again to continue.")
            return INTERRUPTED
        except BrokenPipeError:  # who read it has heard enough, as `head` does; what was done is recorded
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python complains at its end
            return NOT_WELL

    def _accept_every_character(self) -> None:
        """Let no name end a command where the terminal cannot show it; JSON is UTF-8 everywhere."""
        if not isinstance(self.out, TextIOWrapper):
            return
        if self.format == "json":
            self.out.reconfigure(encoding="utf-8")
        else:
            self.out.reconfigure(errors="backslashreplace")

    @staticmethod
    def _reach_database() -> None:
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1 FROM customers_backfillrun LIMIT 1")
        except DatabaseError as error:
            reason = database_refusal(error)
            if reason is None:
                raise
            raise Refused(reason) from error

    # --- speaking ------------------------------------------------------------------------------------

    @property
    def out(self) -> TextIO:
        return cast(TextIO, self.stdout._out)

    @property
    def err(self) -> TextIO:
        return cast(TextIO, self.stderr._out)

    def say(self, message: str) -> None:
        """Tell people something, on standard error."""
        self.err.write(f"{message}\n")
        self.err.flush()

    def print_json(self, value: Mapping[str, Any]) -> None:
        self.out.write(json.dumps(value, ensure_ascii=False, indent=2, default=str) + "\n")

    def refuse(self, message: str, hint: str = "", problems: Any = ()) -> int:
        """Say why the command could not start; nothing was written."""
        if self.format == "json":
            self.print_json(refusal(message, hint, tuple(problems)))
        self.say(f"{message} {hint}".strip())
        return NOT_STARTED

    @staticmethod
    def _with_a_way(error: SourceError, options: Mapping[str, Any]) -> SourceError:
        """Say of a file whose columns do not fit how it can be read as it is."""
        *others, last = error.problems
        path = options.get("input")
        if last.code != "column_missing" or path is None or options.get("mapping"):
            return error
        line = shlex.join(["python", "manage.py", "backfill_mapping", "suggest", "--input", str(path)])
        hint = f"{last.hint} Or leave the file as it is, and say through a mapping what is what: {line}"
        return SourceError(*others, Problem("column_missing", last.field, last.message, hint.strip()))

    @property
    def database(self) -> str:
        """Name the database; never with a password."""
        config = connection.settings_dict
        host = config["HOST"] or config["OPTIONS"].get("host") or "localhost"
        return f"{config['NAME']} at {host}"

    @property
    def actor(self) -> str:
        return f"cli:{getpass.getuser()}"

    @property
    def command_line(self) -> str:
        """Return the command that was typed, to be typed again: to do what was looked at."""
        return shlex.join(["python", "manage.py", *_to_do_it(sys.argv[1:])])

    @property
    def command_line_for_all(self) -> str:
        """Return the command as it was typed, but for the option that lets in the first customers alone."""
        given = iter(_to_do_it(sys.argv[1:]))
        kept = []
        for argument in given:
            if argument == "--first":
                next(given, None)
            elif not argument.startswith("--first="):
                kept.append(argument)
        return shlex.join(["python", "manage.py", *kept])

    def _end_at_once(self) -> NoReturn:
        """End as if killed: an orderly end would wait for calls in flight, which the next run settles."""
        with suppress(RuntimeError):
            if self.err.isatty():
                self.err.write("\x1b[?25h")  # a progress bar hides the cursor
            self.say("Stopped at once. Run the same command again.")
        os._exit(INTERRUPTED)

    @contextmanager
    def stop_on_signals(self, *, writes: bool = True) -> Iterator[Stop]:
        """Turn the first Ctrl-C (or SIGTERM) into a request to stop, and the second into an end at once.

        What only reads has nothing to finish: the first ends it.
        """
        stop = Stop()
        heard: list[int] = []

        def hear(number: int, frame: FrameType | None) -> None:
            heard.append(number)
            if len(heard) > 1 or not writes:
                self._end_at_once()
            stop.request(signal.Signals(number).name, interrupted=True)
            with suppress(RuntimeError):  # it may have come while the same stream was being written to
                self.say("Stopping: what is in flight is finished and recorded. Once more ends it at once.")

        before = {number: signal.signal(number, hear) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield stop
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    @staticmethod
    @contextmanager
    def end_on_interrupt() -> Iterator[None]:
        """Let Ctrl-C end a question at once: nothing is in flight while a person is asked."""
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)


_DJANGO_OPTIONS = {
    "settings", "pythonpath", "traceback", "no_color", "force_color", "skip_checks", "stdout", "stderr",
}  # fmt: skip


def _to_do_it(typed: Sequence[str]) -> Iterator[str]:
    """Leave out what only looks; a plan that was saved is the one to be kept to."""
    for argument in typed:
        if argument not in ("--dry-run", "--force"):
            yield re.sub("^--save-plan(?=$|=)", "--plan", argument)

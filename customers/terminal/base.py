"""What all backfill commands share: exit codes, formats, signals, and failures told in one line."""

import getpass
import json
import os
import re
import shlex
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from io import TextIOWrapper
from types import FrameType
from typing import Any, ClassVar, NoReturn, TextIO, cast

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandParser
from django.db import DatabaseError, connection

from auditlog.people import with_names
from customers.backfill.document import refusal, stopped
from customers.backfill.engine.stop import Stop
from customers.backfill.notices.died import notice_dead
from customers.backfill.refused import Refused
from customers.backfill.source import SourceError
from customers.backfill.source.error_file import ErrorFileError
from customers.database import LOST, WAIT, database_refusal, place, trouble_of
from customers.terminal.telling import Telling
from kernel import Problem, RemoteError
from kernel.chunks import chunks
from kernel.patience import told_of_waiting, waiting_for

WELL, NOT_WELL, NOT_STARTED, INTERRUPTED = 0, 1, 2, 130
AGAIN = "Run the same command again."
STOPPING = "Stopping: what is in flight is finished and recorded. Once more ends it at once."


class BackfillCommand(BaseCommand):
    """Runs `work`, which gives the exit code, and turns each expected failure into a message and a code."""

    format = "text"
    _run_id: str | None = None  # of the run that was given, or has begun
    _has_begun_to_print = False
    work: Callable[..., int]  # takes the declared options by name and gives the exit code
    requires_system_checks: tuple[str, ...] = ("settings",)  # all others load the pages, which takes long
    requires_migrations_checks = False
    begins_a_run: ClassVar[bool] = False  # and writes nothing before it
    needs_database: ClassVar[bool] = True  # else it begins without it, and asks nothing of it by itself

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
        self._run_id = known.get("run_id")
        telling = Telling(self.actor)
        with told_of_waiting(self.say):
            code = self._guarded(telling, **known)
        telling.tell(self.say)
        if code != WELL:
            sys.exit(code)

    def _guarded(self, telling: Telling, **options: Any) -> int:
        try:
            if self.needs_database:
                self._reach_database()
                self._tell_of_the_dead(telling)
            return self.work(**options)
        except SourceError as error:
            told = self._with_a_way(error, options)
            return self.refuse(str(told), problems=told.problems)
        except Refused as error:
            return self.refuse(with_names(str(error)), error.hint)
        except (ImproperlyConfigured, ErrorFileError, RemoteError) as error:
            return self.refuse(str(error))
        except DatabaseError as error:
            return self._stopped_by(error)
        except KeyboardInterrupt:
            self._stop("interrupted", self._run_id, "Stopped at once.", AGAIN)
            return INTERRUPTED
        except BrokenPipeError:  # who read it has heard enough, as `head` does; what was done is recorded
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python complains at its end
            return NOT_WELL

    def _stopped_by(self, error: DatabaseError) -> int:
        """Say what the database has; a fault of ours passes."""
        trouble = trouble_of(error)
        if trouble is None:
            raise error
        if trouble.is_unmade:
            return self.refuse(trouble.what, trouble.remedy)
        run_id = getattr(error, "run_id", None) or self._run_id
        what = LOST[0] if trouble.at_login else trouble.what  # it was there when the command began
        if run_id is None and self.begins_a_run:  # it has not yet, so nothing was written
            return self.refuse(what, trouble.remedy or WAIT)
        again = f"{trouble.remedy} Nothing is lost: run the same command again to continue.".strip()
        self._stop("stopped_on_the_way", run_id, what, again)
        return NOT_WELL

    def _stop(self, status: str, run_id: str | None, message: str, hint: str) -> None:
        """Say that it ended in the middle; the document is written all the same."""
        if self.format == "json":
            self.print_json(stopped(status, run_id, message, hint))
        self.say(f"{message} {hint}")

    def _accept_every_character(self) -> None:
        """Let no name end a command where the terminal cannot show it; JSON is UTF-8 everywhere."""
        stream = self.stdout._out
        if not isinstance(stream, TextIOWrapper):
            return
        if self.format == "json":
            stream.reconfigure(encoding="utf-8")
        else:
            stream.reconfigure(errors="backslashreplace")

    @staticmethod
    def _reach_database() -> None:
        try:
            with waiting_for(f"the database at {place()}"), connection.cursor() as cursor:
                cursor.execute("SELECT 1 FROM customers_backfillrun LIMIT 1")
        except DatabaseError as error:
            reason = database_refusal(error)
            if reason is None:
                raise
            raise Refused(reason) from error

    def _tell_of_the_dead(self, telling: Telling) -> None:
        """Tell of what was killed before, if nobody has noticed yet: there may be no worker to do so."""
        if noticed := notice_dead():
            for told in noticed:
                self.say(told)
            telling.tell(self.say)

    # --- speaking ------------------------------------------------------------------------------------

    @property
    def out(self) -> TextIO:
        """Return standard output; from then on, part of a document may be in it."""
        self._has_begun_to_print = True
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

    def print_pieces(self, pieces: Iterable[str]) -> None:
        """Print text that is made in pieces, many at once: each write may be a call of the system."""
        for some in chunks(pieces):
            self.out.write("".join(some))

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
        return f"{connection.settings_dict['NAME']} at {place()}"

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
            if self._has_begun_to_print:
                self.say(f"Stopped at once. {AGAIN}")
            else:
                self._stop("interrupted", self._run_id, "Stopped at once.", AGAIN)
                self.out.flush()
        os._exit(INTERRUPTED)

    @contextmanager
    def stop_on_signals(self, *, writes: bool = True, heard: str = STOPPING) -> Iterator[Stop]:
        """Turn the first Ctrl-C (or SIGTERM) into a request to stop, and the second into an end at once.

        What only reads has nothing to finish: the first ends it.
        """
        stop = Stop()
        signals: list[int] = []

        def hear(number: int, frame: FrameType | None) -> None:
            signals.append(number)
            if len(signals) > 1 or not writes:
                self._end_at_once()
            stop.request(signal.Signals(number).name, interrupted=True)
            with suppress(RuntimeError):  # it may have come while the same stream was being written to
                self.say(heard)

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

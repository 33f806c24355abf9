"""Printing for people, and progress that suits where it is read."""

import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self, TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from customers.backfill.engine.progress import Progress as Hearer
from kernel import Problem

WIDTH = 110  # of plain output, which is read in logs and by grep


def console(stream: TextIO) -> Console:
    """Make a console that draws on a terminal and writes plain lines elsewhere."""
    is_terminal = stream.isatty()
    return Console(
        file=stream,
        force_terminal=is_terminal,
        width=None if is_terminal else WIDTH,
        highlight=False,
        markup=False,
        soft_wrap=False,
    )


def plain_table(*columns: str) -> Table:
    """Make a table without lines; a column whose name ends in a colon holds numbers, aligned right."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        numbers = column.endswith(":")
        table.add_column(column.removesuffix(":"), justify="right" if numbers else "left", overflow="fold")
    return table


def warning_line(line: int, external_id: str, code: str, message: str, hint: str) -> str:
    """Give a warning a line of its own, which grep can find by any part of it."""
    return f"Warning, line {line}, {external_id}: {code}  {message} {hint}"


class TerminalProgress(Hearer):
    """A bar with rate and time left on a terminal; a plain line every tenth elsewhere."""

    def __init__(self, stream: TextIO = sys.stderr, *, quiet: bool = False) -> None:
        self._stream = stream
        self._quiet = quiet
        self._bar: Progress | None = None
        self._what, self._total, self._done, self._told, self._began = "", 0, 0, 0, 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def start(self, what: str, total: int) -> None:
        self._what, self._total, self._done, self._told = what, total, 0, 0
        self._began = time.monotonic()
        if self._quiet or not total:
            return
        if self._stream.isatty():
            self._bar = self._bar or _bar(self._stream)
            self._bar.start()
            self._bar.add_task(what, total=total, rate="")

    def tell(self, message: str) -> None:
        """Say it at once, above the bar if there is one; also to who wants no progress."""
        if self._bar is not None:
            self._bar.console.print(message, soft_wrap=True)
            return
        self._stream.write(f"{message}\n")
        self._stream.flush()

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Make room for a question."""
        if self._bar is not None:
            self._bar.stop()
        yield
        if self._bar is not None:
            self._bar.start()

    def advance(self, number: int) -> None:
        self._done += number
        if self._quiet or not self._total:
            return
        rate = self._done / max(time.monotonic() - self._began, 0.001)
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[-1], completed=self._done, rate=f"{rate:,.1f}/s")
            return
        tenths = self._done * 10 // self._total
        if tenths > self._told:
            self._told = tenths
            left = (self._total - self._done) / rate
            done = f"{self._done:,} of {self._total:,} ({self._done * 100 // self._total} %)"
            self._stream.write(f"{self._what}: {done}, {rate:,.1f}/s, {left:,.0f} s left\n")
            self._stream.flush()


def _bar(stream: TextIO) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        console=console(stream),
    )


def print_cautions(console: Console, cautions: Iterable[Problem]) -> None:
    """Say what an operator should know of what was looked at as a whole."""
    for caution in cautions:
        console.print(f"{caution.message} {caution.hint}\n".strip(), style="yellow", soft_wrap=True)

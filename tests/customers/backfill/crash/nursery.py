"""A process that has loaded everything and forks a real `manage.py` per request.

Starting Python and Django costs a second of which nothing is of interest here. This process never touches the
database, so each child opens connections of its own, and is killed as any other process is. It reads one JSON
line per child and answers with two: the process id, and how the process ended.
"""

import gc
import json
import os
import resource
import sys
from typing import Any, NoReturn, TextIO

import django

django.setup()

from django.core.checks import run_checks  # noqa: E402
from django.core.management import load_command_class  # noqa: E402

import manage  # noqa: E402

for name in ("backfill_customers", "backfill_revert"):
    load_command_class("customers", name)
run_checks()  # as every command does; it loads the pages too
gc.freeze()  # or the first collection of each child would copy everything


def serve(requests: TextIO, answers: TextIO) -> None:
    for line in requests:
        child = os.fork()
        if child == 0:
            be(json.loads(line))
        _say(answers, child)
        _, status = os.waitpid(child, 0)
        _say(answers, os.waitstatus_to_exitcode(status))


def be(order: dict[str, Any]) -> NoReturn:
    """Become `manage.py` with these arguments, and end as it does."""
    _to_files(order["output"])
    if order["largest_file"] is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (order["largest_file"], resource.RLIM_INFINITY))
    sys.argv = ["manage.py", *order["arguments"]]
    code: Any = 0
    try:
        manage.main()
    except SystemExit as end:
        code = end.code
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # tidying up would touch, and so copy, all the memory that is shared with the nursery


def _to_files(output: str) -> None:
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for number, name in ((1, "out"), (2, "err")):
        os.dup2(os.open(f"{output}.{name}", os.O_WRONLY | os.O_CREAT, 0o600), number)


def _say(answers: TextIO, value: int) -> None:
    answers.write(f"{value}\n")
    answers.flush()


if __name__ == "__main__":
    serve(sys.stdin, os.fdopen(os.dup(1), "w"))

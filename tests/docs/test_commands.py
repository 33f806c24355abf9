"""Every option of every command is explained, with its default, and nothing else is."""

import re
from argparse import Action
from typing import Any

import pytest
from django.core.management import get_commands, load_command_class
from django.core.management.base import BaseCommand

from tests.docs.handbook import page, section, table

OURS = sorted(name for name, app in get_commands().items() if app in ("customers", "rehearsal"))
OF_ALL = {"--format"}  # explained once, above
NOT_OURS = {"changepassword", "createsuperuser", "qcluster"}  # which we only narrow, or load for


def options(name: str) -> dict[str, Action]:
    """Give the options that a command declares itself, by how they are typed first."""
    common = {action.dest for action in BaseCommand().create_parser("manage.py", name)._actions}
    command = load_command_class(get_commands()[name], name)
    own = [a for a in command.create_parser("manage.py", name)._actions if a.dest not in common]
    return {(a.option_strings or [str(a.metavar)])[0]: a for a in own}


def explained(name: str) -> dict[str, list[str]]:
    """Give the rows of the command's table by the option in the first cell."""
    rows = table(section(page("commands.md"), name))[1:]
    return {re.split(r"[ `]", row[0].strip("`"))[0]: row for row in rows}


COMMANDS = [name for name in OURS if name not in NOT_OURS]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_explained_and_nothing_else(name):
    assert set(explained(name)) == set(options(name)) - OF_ALL


@pytest.mark.parametrize("name", COMMANDS)
def test_the_default_of_every_option_is_told(name):
    told = {option: row[1] for option, row in explained(name).items()}

    wrong = [option for option, action in options(name).items() if not _tells(told.get(option, ""), action)]

    assert wrong == []


def _tells(cell: str, action: Action) -> bool:
    if action.required:
        return cell == "required"
    default: Any = action.default
    if default in (None, False, [], "") or action.dest in ("format", "key"):
        return True  # there is none, or what stands there is in words
    return cell == f"`{default:g}`" if isinstance(default, float) else cell == f"`{default}`"

"""Hints in the words of the console: they are written for the command, and name its options and others."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cache

from django import forms

from customers.admin.imports.forms import UploadForm
from kernel import Problem

COMMANDS = (
    (
        r"python manage\.py backfill_revert --without \S+ --run-id (\S+)",
        r"“Look without …” under “Revert…” of run \1",
    ),
    (r"python manage\.py backfill_revert --run-id (\S+)", r"“Revert…” on the page of run \1"),
    (
        r"Repair once more: python manage\.py backfill_repair --run-id (\S+)",
        r"“Repair…” of run \1, once more",
    ),
    (r"python manage\.py backfill_runs (\d\S+)", r"the page of run \1"),
    (r"python manage\.py backfill_runs", "the page “Runs”"),
    (r"python manage\.py backfill_customers --input .+", "upload the same file again: it continues the run"),
    (r"python manage\.py backfill_control (\S+) resume", r"Resume on the page of run \1"),
    (r"Leave --first away", "Leave “First customers only” empty"),
    (r"Start it: python manage\.py qcluster\.", "Have whoever runs the server start it."),
    (r"Run: python manage\.py migrate", "Have whoever runs the server apply them."),
    (r"Look with backfill_reconcile", "Reconcile"),
    (r"Without it backfill_verify cannot charge", "Without it no charging session can be had"),
    (r"backfill_verify asks as a charge point", "a charging session asks as a charge point"),
    (r"backfill_reconcile names them all", "Reconcile names them all"),
    (r"backfill_preflight says how", "the page “Before the night” says how"),
    (r"Run the same file again with --skip-existing", "Import the same file again with “Skip what exists”"),
    (r"run the file again with --skip-existing", "import the file again with “Skip what exists”"),
    (r" or wait longer \(--timeout\)", " or wait longer"),
    (r"--charge-box is missing", "the charge box is missing"),
    (r"--resend", "“Also to those whose link still works”"),
)
OPTION = re.compile(r"--(?P<name>[a-z]+(?:-[a-z]+)*)(?:[ =](?P<value>\S+))?")
PUNCTUATION = ".,;:)"


def in_console(text: str) -> str:
    """Name the control of the console where the text names an option; leave all else as it is."""
    for pattern, words in COMMANDS:
        text = re.sub(pattern, words, text)
    return OPTION.sub(_control, text)


def for_console(problems: Iterable[Problem]) -> list[Problem]:
    return [replace(one, message=in_console(one.message), hint=in_console(one.hint)) for one in problems]


def _control(found: re.Match[str]) -> str:
    field = _fields().get(found["name"])
    if field is None:
        return found[0]
    given = found["value"] or ""
    value = given.rstrip(PUNCTUATION)
    told = _value(field, value)
    if told is None:
        return f"“{field.label}”{found[0][len(found['name']) + 2 :]}"
    return f"“{field.label}{told}”{given[len(value) :]}"


def _value(field: forms.Field, value: str) -> str | None:
    """Say what was chosen as the form calls it; None if the next word is no value of this option."""
    if isinstance(field, forms.ChoiceField):
        choices = {str(key): str(label) for key, label in field.choices if key}  # type: ignore[union-attr, misc]
        label = choices.get(value) or choices.get(value.replace("_", "-"))
        return f": {label}" if label else None
    if re.fullmatch(r"DAY|\d{4}-\d\d-\d\d", value):
        return ""
    return f": {value}" if value.startswith("%") else None


@cache
def _fields() -> Mapping[str, forms.Field]:
    known: Mapping[str, forms.Field] = UploadForm.base_fields
    return {name.replace("_", "-"): field for name, field in known.items()}

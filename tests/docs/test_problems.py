"""Every code that the code base can show is explained, and nothing else is."""

import ast
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase

import pytest

from billing import errors
from customers.backfill.engine import unclaimed
from customers.backfill.preflight.beside import CONNECTED, NOT_CONNECTED
from customers.backfill.preflight.lago import LAGO
from customers.backfill.preflight.mail import MAIL
from customers.backfill.preflight.ours import OURS
from customers.backfill.preflight.people import FILE
from customers.backfill.preflight.steve import STEVE
from customers.backfill.steps import kinds
from customers.models import BackfillRow, BackfillRun, BackfillStep, WelcomeMail
from customers.terminal import base
from polaris import probing
from tests.docs.handbook import ROOT, codes, page, section, table

# Where the code is among the arguments of whatever makes a problem, a divergence or a failed call.
POSITIONS = {
    "Problem": 0, "Divergence": 0, "_of_id_tag": 0, "SteveError": 0, "LagoError": 0, "PolarisError": 0,
    "DeliveryError": 1, "Failure": 1, "_Dropped": 1, "_tell": 2,
}  # fmt: skip
KEYWORDS = {"unreadable": "code"}
PACKAGES = ("auditlog", "billing", "charging", "customers", "kernel", "polaris", "polaris_backfill")
HANDED_ON = {"code", "error.code", "problems[0].code"}  # made elsewhere, and found there
FOUND_OTHERWISE = {"sender_died"}
CONSTANTS = {**vars(errors), **vars(probing), **vars(unclaimed)}  # codes that have a name
ENDS = {"could_not_start", "stopped_on_the_way"}  # of a whole command
SECTIONS = ("The file", "Rows", "Exists already", "Warnings", "During a run", "Reconcile", "Mails")


def made() -> Iterator[str]:
    """Give each code that is made anywhere; `*` stands for what is only known when it is."""
    yield from FOUND_OTHERWISE | ENDS
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            if "sandbox" not in path.as_posix():
                for value in _values(ast.parse(path.read_text("utf-8"))):
                    yield from _texts(value)


def _values(tree: ast.AST) -> Iterator[ast.expr]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            yield from node.args[POSITIONS[name] : POSITIONS[name] + 1] if name in POSITIONS else ()
            yield from (k.value for k in node.keywords if name in KEYWORDS and k.arg == KEYWORDS[name])


def _texts(value: ast.expr) -> Iterator[str]:
    match value:
        case ast.Constant(value=str() as text):
            yield text
        case ast.JoinedStr(values=parts):
            yield "".join(str(p.value) if isinstance(p, ast.Constant) else "*" for p in parts)
        case ast.IfExp(body=body, orelse=orelse):
            yield from _texts(body)
            yield from _texts(orelse)
        case ast.Name(id=name) if name in CONSTANTS:
            yield CONSTANTS[name]
        case _:
            assert ast.unparse(value) in HANDED_ON, f"cannot tell which code {ast.unparse(value)} is"


@pytest.fixture(scope="module")
def explained() -> set[str]:
    text = page("problems.md")
    return {code for title in SECTIONS for code in codes(section(text, title))} | ENDS


@pytest.fixture(scope="module")
def known() -> set[str]:
    return set(made())


def test_every_code_is_explained(known, explained):
    missing = {code for code in known if not any(fnmatchcase(one, code) for one in explained)}

    assert len(known) > 60
    assert missing == set()


def test_no_code_is_explained_that_does_not_exist(known, explained):
    unknown = {one for one in explained if not any(fnmatchcase(one, code) for code in known)}

    assert unknown == set()


def test_every_code_is_explained_once():
    text = page("problems.md")

    told = [code for title in SECTIONS for code in codes(section(text, title))]

    assert sorted(told) == sorted(set(told))


def test_every_exit_code_is_explained():
    told = set(codes(section(page("problems.md"), "Exit codes")))

    ends = (base.WELL, base.NOT_WELL, base.NOT_STARTED, base.INTERRUPTED)

    assert told == {str(code) for code in ends}


def test_every_word_for_a_state_is_explained():
    told = codes(section(page("problems.md"), "Words"))

    outcomes = [outcome or "pending" for outcome in BackfillRow.Outcome.values]
    states = [*BackfillRun.Status.values, *outcomes, *BackfillStep.State.values, *WelcomeMail.State.values]

    assert sorted(told) == sorted(states)


def test_every_check_of_a_verify_is_explained():
    shown = re.findall(r"^(?:passed|skipped)  +([^:(\n]+?)(?::| \()", page("runbook.md"), re.MULTILINE)

    told = [
        name
        for row in table(section(page("problems.md"), "Verify: a check that failed"))[1:]
        for name in row[0].split(", ")
    ]

    assert sorted(told) == sorted(set(shown))


def test_every_check_of_a_preflight_is_explained():
    known = {
        (part.title, check.name)
        for part in (OURS, LAGO, STEVE, NOT_CONNECTED, CONNECTED, MAIL, FILE)
        for check in part.checks
    }

    told = {
        (system, name)
        for row in table(section(page("problems.md"), "Preflight"))[1:]
        for system, _, names in [row[0].partition(": ")]
        for name in names.split(", ")
    }

    assert told == known


def test_what_a_refusal_says_is_quoted_as_it_is():
    texts = [path.read_text("utf-8") for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    source = "\n".join([*texts, *(said for text in texts for said in _said_of_kinds(text))])
    quoted = codes(section(page("problems.md"), "Could not start"))

    unknown = [text for text in quoted for part in text.split("…") if part.strip() not in source]

    assert len(quoted) > 15
    assert unknown == []


def _said_of_kinds(text: str) -> Iterator[str]:
    """Give, for each kind of step, what a sentence says of it that names the kind by a variable."""
    sentences = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.JoinedStr)]
    for kind in kinds().values():
        words = {"kind.place()": kind.place(), "kind.noun": kind.noun, "kind.system": kind.system}
        for sentence in sentences:
            parts = [
                str(part.value) if isinstance(part, ast.Constant) else words.get(_hole(part), "…")
                for part in sentence.values
            ]
            yield "".join(parts)


def _hole(part: ast.expr) -> str:
    return ast.unparse(part.value) if isinstance(part, ast.FormattedValue) else ""

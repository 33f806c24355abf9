"""The example of a receiver takes what we send, once, and nothing else."""

import json
import re
from typing import Any

import pytest

from customers.backfill.notices.delivering import document_of
from customers.backfill.notices.events import ALL, job_refused
from customers.webhook import signature_of
from tests.docs.handbook import codes, page

SECRET = "Sëcret of the operator"


@pytest.fixture
def accept() -> Any:
    (source,) = re.findall(r"```python\n(.*?)```", page("webhook.md"), re.DOTALL)
    known: dict[str, Any] = {}
    exec(source, known)
    return known["accept"]


def sent(**changes: str) -> bytes:
    return json.dumps({**document_of({"id": "1", "event": "run.finished"}, 1), **changes}).encode()


def test_it_takes_what_is_signed_once(accept: Any) -> None:
    body = sent()

    assert accept(body, signature_of(body, SECRET), SECRET)["event"] == "run.finished"
    assert accept(body, signature_of(body, SECRET), SECRET) is None


def test_it_refuses_what_was_changed_and_what_is_old(accept: Any) -> None:
    body, old = sent(), sent(sent_at="2026-01-01T00:00:00Z")

    with pytest.raises(ValueError, match="not signed"):
        accept(body + b" ", signature_of(body, SECRET), SECRET)
    with pytest.raises(ValueError, match="an old one"):
        accept(old, signature_of(old, SECRET), SECRET)


def test_every_event_is_explained() -> None:
    told = set(codes(page("webhook.md")))

    assert told == {one.name for one in [*ALL, job_refused("verify")]} | {"test"}

"""The operator's own addresses."""

import pytest

from customers.mail.addresses import Mailbox, read_mailbox


@pytest.mark.parametrize(
    ("text", "mailbox"),
    [
        ("post@acme.example", Mailbox("", "post@acme.example")),
        ("  Acme   Charging <post@acme.example> ", Mailbox("Acme Charging", "post@acme.example")),
        ('"Ladestrom, Nord" <post@acme.example>', Mailbox("Ladestrom, Nord", "post@acme.example")),
        (r'"The \"Green\" one" <post@acme.example>', Mailbox('The "Green" one', "post@acme.example")),
        ("Müller & Söhne <info@strömung.example>", Mailbox("Müller & Söhne", "info@xn--strmung-c1a.example")),
        ("Ops <ops@mail.local>", Mailbox("Ops", "ops@mail.local")),
    ],
)
def test_one_name_and_one_address_are_read(text: str, mailbox: Mailbox) -> None:
    assert read_mailbox(text) == mailbox


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("Ladestrom, Nord <post@acme.example>", "in double quotes"),
        ("Laden: Nord <post@acme.example>", "in double quotes"),
        ("a@acme.example, b@acme.example", "one address"),
        ("Acme post@acme.example", "one address"),
        ("post", "no valid email address"),
        ("a@acme.example\nBcc: b@acme.example", "one address"),
        ("müller@acme.example", "before the @"),
    ],
)
def test_anything_else_is_refused_with_what_to_do(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        read_mailbox(text)


def test_a_name_is_quoted_where_a_header_needs_it() -> None:
    assert Mailbox("", "post@acme.example").named("Acme, Nord") == '"Acme, Nord" <post@acme.example>'

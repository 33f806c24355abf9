"""The operator's own addresses: each is one name, or none, and one address that any mail server can take."""

import re
from dataclasses import dataclass
from email.utils import formataddr

from kernel.email_syntax import check_syntax

_QUOTED = r'"(?P<quoted>(?:[^"\\\r\n]|\\.)*)"'
_PLAIN = r'(?P<plain>[^"<>()\[\]\\,;:@\r\n]*?)'
_MAILBOX = re.compile(rf"(?:(?:{_QUOTED}|{_PLAIN})\s*<(?P<named>[^<>\s]+)>|(?P<bare>[^<>\s\"]+))")


@dataclass(frozen=True, slots=True)
class Mailbox:
    """`address` is ASCII: a domain with other letters stands in its xn-- form."""

    name: str
    address: str

    @property
    def domain(self) -> str:
        return self.address.rpartition("@")[2]

    def named(self, otherwise: str) -> str:
        """Write it as a header has it, with another name where it brings none."""
        return formataddr((self.name or otherwise, self.address))


NOBODY = Mailbox("", "")


def read_mailbox(text: str) -> Mailbox:
    """Read what EMAIL_FROM and OPERATOR_CONTACT_EMAIL hold; raise ValueError that says what is wrong."""
    found = _MAILBOX.fullmatch(text.strip())
    if found is None:
        raise ValueError(_why_not(text))
    name = re.sub(r"\\(.)", r"\1", found["quoted"]) if found["quoted"] is not None else found["plain"] or ""
    return Mailbox(" ".join(name.split()), _ascii(found["named"] or found["bare"]))


def _why_not(text: str) -> str:
    if "<" in text and not text.lstrip().startswith('"'):
        return 'has a name with a special character: write "Name" <address>, the name in double quotes'
    return "is not one name and one address: write Name <address>"


def _ascii(address: str) -> str:
    try:
        checked = check_syntax(address, globally_deliverable=False)
    except ValueError:
        raise ValueError("holds no valid email address: write Name <address>") from None
    if checked.ascii_email is None:
        raise ValueError("has letters before the @ that not every mail server takes")
    return checked.ascii_email

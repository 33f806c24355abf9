"""The shipped mails as templates of an operator's own, to begin with."""

from collections.abc import Iterator, Mapping

from django.conf import settings
from django.template.loader import render_to_string
from django.utils.translation import override

from customers.mail.checking import LACKED, VALUES
from customers.mail.messages import contact

PARTS = (".txt", ".html")


def starting_templates() -> Iterator[tuple[str, str]]:
    """Give each file's name and text: the mail as it is shipped, with values by name where they stand."""
    for language in settings.MAIL_LANGUAGES:
        with override(language):
            for mail, values in VALUES.items():
                for part in PARTS:
                    yield f"{mail}.{language}{part}", _template(f"mail/{mail}{part}", values)


def _template(shipped: str, values: Mapping[str, str]) -> str:
    """Write the mail with the name of each value in its place; what depends on one stands below an if."""
    named = {name: f"{{{{ {name} }}}}" for name in values}
    if not contact().address:
        named["contact"] = ""
    lines = render_to_string(shipped, named).splitlines()
    for name in LACKED[1:]:  # a contact is there for all mails, or for none
        without = render_to_string(shipped, {**named, name: ""}).splitlines()
        lines = [
            line
            if line == other or "{% if" in line
            else f"{{% if {name} %}}{line}{{% else %}}{other}{{% endif %}}"
            for line, other in zip(lines, without, strict=True)
        ]
    return "\n".join(lines).strip("\n") + "\n"

"""Whether what an operator's template makes can go out, by the way that mail goes."""

import re
from html.parser import HTMLParser

from django.conf import settings

from customers.mail.folder import Source, unusable

BY_WORKER = "customers.mail.worker.EmailBackend"
SUBJECT_MAX = {True: 50, False: 150}  # by whether the platform's email worker has to take it
PART_MAX = 100 * 1024  # bytes; some mailboxes cut what is longer, and with it the link
ACTIVE = re.compile(r"<\s*(script|iframe|object)\b", re.IGNORECASE)
ACTIVE_OR_STYLE = re.compile(r"<\s*(script|iframe|object|style)\b", re.IGNORECASE)
LINK = re.compile(r"\blink\b")


def require_harmless(source: Source) -> None:
    """Raise CannotCompose for a tag that mail must not bring; the email worker's list is longer."""
    found = (ACTIVE_OR_STYLE if _by_worker() else ACTIVE).search(source.text) if source.is_html else None
    if found:
        where = "a mail by the email worker" if _by_worker() else "a mail"
        what = f"{where} must not have <{found[1].lower()}>. Take it out."
        raise unusable(source.file, what, source.line_of(found))


def require_subject(source: Source, subject: str) -> None:
    """Raise CannotCompose unless it is a line, and a short one."""
    most = SUBJECT_MAX[_by_worker()]
    if not subject:
        raise unusable(source.file, "the subject is blank. Write one, or take the file away.")
    if "\n" in subject:
        raise unusable(source.file, "the subject has more than one line. Write it on one.", 2)
    if len(subject) > most:
        raise unusable(source.file, f"the subject has {len(subject)} characters. Shorten it to {most}.", 1)


def require_part(source: Source, part: str, link: str) -> None:
    """Raise CannotCompose unless the customer finds the link in this part, whole."""
    if len(part.encode()) > PART_MAX:
        raise unusable(source.file, f"the mail is larger than {PART_MAX // 1024} KB. Shorten it.")
    if source.is_html:
        _require_in_html(source, part, link)
    elif not re.search(rf"(?<![^\s<]){re.escape(link)}(?![^\s>])", part):
        what = "the link is not there, or not by itself. Write {{ link }} on a line of its own."
        raise unusable(source.file, what, source.line_of(LINK.search(source.text)))


def _require_in_html(source: Source, part: str, link: str) -> None:
    addresses = _Addresses(link)
    addresses.feed(part)
    addresses.close()
    line = source.line_of(LINK.search(source.text))
    if addresses.elsewhere:
        what = f"the link is a part of {addresses.elsewhere}, which would give it away. Take it out there."
        raise unusable(source.file, what, line)
    if not addresses.is_there:
        what = 'nothing to click leads to the link. Write <a href="{{ link }}">…</a>.'
        raise unusable(source.file, what, line)


class _Addresses(HTMLParser):
    """Looks for the link among the attributes; it must be an address to click, and nothing else."""

    def __init__(self, link: str) -> None:
        super().__init__()
        self._link = link
        self.is_there = False
        self.elsewhere = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if (tag, name, value) == ("a", "href", self._link):
                self.is_there = True
            elif self._link in (value or ""):
                self.elsewhere = f'<{tag} {name}="…">'


def _by_worker() -> bool:
    return bool(settings.EMAIL_BACKEND == BY_WORKER)

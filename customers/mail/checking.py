"""Look at the operator's templates before anybody gets a mail by them: each, in every language, with and
without what a customer may lack.
"""

from collections.abc import Iterator, Mapping
from itertools import product

from django.conf import settings
from django.utils.translation import override

from customers.mail import folder
from customers.mail.envelope import Category
from customers.mail.errors import CannotCompose
from customers.mail.templates import REPLACEABLE, SUBJECT, replacement

SUBJECT_VALUES = {"operator": "Acme Charging"}
EVERYWHERE = {
    **SUBJECT_VALUES,
    "subject": "Your account is ready",
    "contact": "help@example.com",
    "home": "https://charge.example.com",
    "display_name": "Alex <Example> & Söhne",
    "link": "https://charge.example.com/link?token=preview&to=account",
    "lifetime": "24 hours",
    "new_link_at": "https://charge.example.com/sign-in/",
}
VALUES: Mapping[str, Mapping[str, str]] = {
    Category.WELCOME: {
        **EVERYWHERE,
        "expires_at": "1 March 2027, 12:00 CET",
        "blocked_until": "1 April 2027",
    },
    Category.MAGIC_LINK: EVERYWHERE,
}
LACKED = ("contact", "display_name", "blocked_until")


def template_problems() -> list[str]:
    """Return what is wrong with the templates in MAIL_TEMPLATES_DIR, each with its file, line and remedy."""
    try:
        problems = dict.fromkeys(_strange(folder.names()))
    except CannotCompose as error:
        return [str(error)]
    for language in settings.MAIL_LANGUAGES:
        with override(language):
            problems |= dict.fromkeys(_problems())
    return list(problems)


def own_templates() -> list[str]:
    """Return which of the names in the folder stand for one of our mails."""
    names = {name: name.rpartition(".") for name in REPLACEABLE}
    ours = {
        f"{stem}.{language}.{end}" for stem, _, end in names.values() for language in settings.MAIL_LANGUAGES
    }
    return [name for name in folder.names() if name in ours | set(names)]


def _problems() -> Iterator[str]:
    for name in REPLACEABLE:
        try:
            for values in _variants(name):
                if replacement(name, values) is None:
                    break
        except CannotCompose as error:
            yield str(error)


def _variants(name: str) -> Iterator[Mapping[str, str]]:
    """Give the values of a mail, and then with each that a customer may lack left blank, in every way."""
    if name.endswith(SUBJECT):
        yield {"operator": settings.OPERATOR_NAME}
        return
    values = VALUES[name.partition(".")[0]]
    lacked = [key for key in LACKED if key in values]
    for kept in product((True, False), repeat=len(lacked)):
        yield {**values, **{key: "" for key, is_kept in zip(lacked, kept, strict=True) if not is_kept}}


def _strange(names: list[str]) -> Iterator[str]:
    """Name files that look like ours and would not be used."""
    used = set(own_templates())
    for name in names:
        is_like_ours = name.lower().startswith((Category.WELCOME, Category.MAGIC_LINK))
        if is_like_ours and name.lower().endswith((".txt", ".html")) and name not in used:
            languages = ", ".join(settings.MAIL_LANGUAGES)
            what = (
                f"no mail uses a file of that name. Name it as welcome.html or welcome.de.html ({languages})."
            )
            yield str(folder.unusable(name, what))

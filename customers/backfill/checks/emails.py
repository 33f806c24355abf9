"""Email addresses: one per row, spelt so that no other system changes it, and in lower case as a login."""

import re
from functools import lru_cache

from kernel import Problem, as_login
from kernel.email_syntax import check_syntax
from kernel.masking import mask_email

_MAX_LENGTH = 254

# Addresses of the common form, which need no closer look: asking the library takes thirty times as long.
# Stricter than the library everywhere, so that the two never disagree (a property in the tests).
_COMMON_LOCAL = re.compile(r"[A-Za-z0-9_]+(?:[.+-][A-Za-z0-9_]+)*")
_COMMON_DOMAIN = re.compile(r"(?:[A-Za-z0-9]{1,30}(?:-[A-Za-z0-9]{1,30})?\.)+[A-Za-z]{2,30}")
_MAX_COMMON_LOCAL = 64


def check_email(given: str) -> str | Problem:
    """Return the address as a login, or what is wrong with it.

    Here alone the file's spelling becomes the one that everything uses: plan, run, Lago, platform and mails.
    """
    email = given.strip()
    if not email:
        return Problem("email_blank", "email", "There is no email address.", "Enter the customer's address.")
    if _is_common(email):
        return as_login(email)
    hint = _hint(email)
    return _invalid(email, hint) if hint else as_login(email)


def _is_common(email: str) -> bool:
    local, _, domain = email.partition("@")
    if len(email) > _MAX_LENGTH or len(local) > _MAX_COMMON_LOCAL:
        return False
    return _COMMON_LOCAL.fullmatch(local) is not None and _is_common_domain(domain)


@lru_cache(maxsize=4096)  # customers share few of them
def _is_common_domain(domain: str) -> bool:
    return _COMMON_DOMAIN.fullmatch(domain) is not None


def _hint(email: str) -> str:
    """Say what to do about an address; nothing if it is one."""
    if "," in email or ";" in email or email.count("@") > 1:
        return "Give exactly one address."
    if email.lower().startswith("mailto:"):
        return "Take away mailto: before the address."
    if "<" in email or ">" in email:
        return "Give only the address, without a name and angle brackets."
    if not email.isprintable() or " " in email:
        return "Type the address again: there is a blank or an invisible character inside it."
    if not email.isascii():
        return "Use only plain letters, digits and hyphens; write such a domain in its xn-- form."
    try:
        check_syntax(email, strict=True)
    except ValueError:
        return "Correct the address; it has to look like name@example.com."
    return ""


def _invalid(email: str, hint: str) -> Problem:
    return Problem("email_invalid", "email", f"“{mask_email(email)}” is not one email address.", hint)

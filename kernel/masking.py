"""How values that may not be shown whole appear in messages, logs and the audit log."""

from functools import lru_cache

_ID_TAG_SHOWN = 4


def mask_email(email: str) -> str:
    """Show where an address belongs without saying whose it is: `a…@example.com`.

    A text that is not one address shows nothing but its first character.
    """
    local, at, domain = email.strip().rpartition("@")
    if not local or "@" in local or not _is_plain_domain(domain):
        return f"{email.strip()[:1]}…"
    return f"{local[:1]}…{at}{domain}"


def mask_id_tag(id_tag: str) -> str:
    """Show the first four characters, or fewer of a short one, so that it is never shown whole."""
    shown = min(_ID_TAG_SHOWN, len(id_tag) // 2)
    return f"{id_tag[:shown]}…"


@lru_cache(maxsize=4096)  # which many customers share
def _is_plain_domain(domain: str) -> bool:
    return bool(domain) and all(
        part.isascii() and part.replace("-", "").isalnum() for part in domain.split(".")
    )

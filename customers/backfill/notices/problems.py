"""Why a notice could not be delivered, in words, and what to do about it."""

import re
from collections.abc import Mapping

from customers.mail.words import BY_ITSELF, LOG, words_for

_REMEDIES: Mapping[str, str] = {
    "no_answer": "it gave no answer in time. Look whether the receiver hangs.",
    "unreachable": "nobody is there. Check the host and port in NOTIFY_WEBHOOK_URL, and firewalls between.",
    "connection": "the connection was lost. Look at the receiver, and whether it speaks https.",
    "certificate": "its certificate is not accepted. Name its authority in REQUESTS_CA_BUNDLE.",
    "authorities_unreadable": "REQUESTS_CA_BUNDLE names a file that cannot be read.",
    "not_configured": "NOTIFY_WEBHOOK_URL is not set any more.",
    "http_410": "it answers 410, it is gone for good. Set NOTIFY_WEBHOOK_URL to where it is now.",
    "http_404": "it answers 404. Check the path in NOTIFY_WEBHOOK_URL.",
    "http_429": "it answers 429, it is asked too often.",
    "http_503": "it answers 503, it says later. Look at the receiver.",
    "teller_died": "the worker died over it each time. See its log.",
    "nobody_to_mail": "the account is deactivated or gone.",
}
# What is said of a mail to a customer and does not fit here: each notice is tried again by itself.
_INSTEAD: Mapping[str, str] = {
    BY_ITSELF: "",
    LOG: "Perhaps it arrived all the same; one that comes twice has the same message id.",
}


def remedy_of(code: str) -> str:
    """Say what is wrong and what to do, as the end of a sentence and, where it helps, one more."""
    if (words := words_for(code)).cause:
        return f"{words.cause}. {_INSTEAD.get(words.remedy, words.remedy)}".strip()
    return _of_webhook(code)


def _of_webhook(code: str) -> str:
    if code in _REMEDIES:
        return _REMEDIES[code]
    if re.fullmatch(r"http_3\d\d", code):
        return f"it redirects ({code[5:]}), which is not followed. Set NOTIFY_WEBHOOK_URL to where it leads."
    if code in ("http_401", "http_403"):
        return f"it answers {code[5:]}. Compare NOTIFY_WEBHOOK_SECRET with the receiver's."
    if code.startswith("http_"):
        return f"it answers {code[5:]}. Look at the receiver's log."
    return f"{code}."

"""What the codes of mails mean, and what to do about them, for people; the handbook has them too."""

import re
from dataclasses import dataclass

LOG = "Look it up in the mail server's log by its message id before you send it again."
ADDRESS = "Check host and port in EMAIL_URL, and whether a firewall stands between."
TLS = "Choose the scheme of EMAIL_URL to fit: smtp+tls:// (587), smtp+ssl:// (465) or smtp:// (25)."
LOGIN = "Check user and password in EMAIL_URL; special characters are percent-encoded."
BY_ITSELF = "It goes on by itself; nobody's tries are used up."
SERVER = "Ask whoever runs the mail server."


@dataclass(frozen=True, slots=True)
class Words:
    cause: str
    remedy: str


# By the beginning of the code; what follows it is the server's own number.
_WORDS = {
    "smtp_unreachable": Words("nothing answers at EMAIL_URL", ADDRESS),
    "smtp_no_greeting": Words("the port takes connections and says nothing, as one for TLS does", TLS),
    "smtp_port_without_tls": Words("the port answers in clear text, and TLS was asked for", TLS),
    "smtp_tls_failed": Words("the encryption could not be agreed on", TLS),
    "smtp_certificate": Words(
        "the mail server's certificate is not valid for its name, or nobody vouches for it",
        "Use the name in the certificate, or have it signed by an authority that this machine knows.",
    ),
    "smtp_starttls_missing": Words("the mail server offers no encryption by STARTTLS", TLS),
    "smtp_starttls_demanded": Words("the mail server wants an encrypted connection", TLS),
    "smtp_starttls_refused": Words("the mail server refuses encryption", SERVER),
    "smtp_starttls_deferred": Words("the mail server cannot encrypt at the moment", BY_ITSELF),
    "smtp_auth_missing": Words(
        "the mail server takes no login, or not on this connection",
        "Take user and password out of EMAIL_URL, or use the port for senders (587 or 465).",
    ),
    "smtp_login_demanded": Words("the mail server wants a login", LOGIN),
    "smtp_login_refused": Words("user or password is wrong", LOGIN),
    "smtp_login_deferred": Words("the mail server takes no login at the moment", BY_ITSELF),
    "smtp_quota": Words("the mail server says that its quota is used up", BY_ITSELF),
    "smtp_not_welcome": Words("the mail server does not talk to us", SERVER),
    "smtp_closing": Words("the mail server is closing", BY_ITSELF),
    "smtp_connection_lost": Words("the connection broke before the mail was handed over", ADDRESS),
    "smtp_lost_during_data": Words("the connection broke while the mail was handed over", LOG),
    "smtp_sender_refused": Words(
        "the mail server does not send for EMAIL_FROM", "Correct EMAIL_FROM, or allow it at the mail server."
    ),
    "smtp_sender_deferred": Words("the mail server takes nothing from EMAIL_FROM at the moment", BY_ITSELF),
    "smtp_recipient_refused": Words("the mail server refused this address", "Correct the address."),
    "smtp_recipient_deferred": Words("the mail server does not take this address now", BY_ITSELF),
    "smtp_message_refused": Words("the mail server refused what the mail says", SERVER),
    "smtp_message_deferred": Words("the mail server does not take this mail now", BY_ITSELF),
    "worker_unreachable": Words("nothing answers at CF_EMAIL_WORKER_URL", "Check CF_EMAIL_WORKER_URL."),
    "worker_refused": Words(
        "the email worker refused", "Check CF_EMAIL_WORKER_SECRET (401), or what its log says."
    ),
    "worker_rate_limited": Words("too many mails to one recipient", BY_ITSELF),
    "worker_no_answer": Words("the email worker did not answer after it had the mail", LOG),
    "worker_error": Words("the email worker failed after it had the mail", LOG),
    "platform_unreachable": Words(
        "no link could be made: the platform does not answer", "Mend it, and go on."
    ),
    "platform_links_unknown": Words(
        "the platform does not understand our links", "Check POLARIS_CUSTOMER_URL."
    ),
    "platform_refused": Words("the platform's database takes no links", "Give its role the rights it needs."),
    "sender_died": Words("a worker died with this mail in its hands", LOG),
    "mail_not_written": Words("the mail could not be written", "The worker's log says why."),
}
_NUMBER = re.compile(r"_[0-9]{3}$")


def words_for(code: str) -> Words:
    """Return what the code means; nothing where it is one of another version."""
    return _WORDS.get(_NUMBER.sub("", code), Words("", ""))


def known_codes() -> list[str]:
    return list(_WORDS)

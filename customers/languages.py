"""The languages of our mails and pages. Whoever has another locale reads them in English."""

LANGUAGES = frozenset(["en"])

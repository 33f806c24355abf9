"""A mail to a customer: Django's, and what kind it is."""

from enum import StrEnum
from typing import Any

from django.core.mail import EmailMultiAlternatives


class Category(StrEnum):
    """What the platform's email worker counts and limits by; also the name of the templates."""

    WELCOME = "welcome"
    MAGIC_LINK = "magic-link"
    NOTICE = "notice"  # to staff: that something is over


class CustomerMail(EmailMultiAlternatives):
    def __init__(self, category: Category, **fields: Any) -> None:
        super().__init__(**fields)
        self.category = category

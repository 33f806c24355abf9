"""The forms on the customers' pages, and the field for an address, which the console has too."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from kernel import as_login


class AddressField(forms.EmailField):
    """An address that is a login: typed in capitals, it is the same one, and no change of it."""

    def to_python(self, value: Any) -> str:
        return as_login(super().to_python(value) or "")


class AddressForm(forms.Form):
    email = AddressField(
        label=_("Email address"),
        max_length=254,
        error_messages={
            "required": _("Enter your email address."),
            "invalid": _("This does not look like an email address. Example: name@example.com"),
        },
        widget=forms.EmailInput(
            attrs={"autocomplete": "email", "autofocus": True, "inputmode": "email", "spellcheck": "false"}
        ),
    )

"""The forms on the customers' pages."""

from django import forms


class AddressForm(forms.Form):
    email = forms.EmailField(
        label="Email address",
        max_length=254,
        error_messages={
            "required": "Enter your email address.",
            "invalid": "This does not look like an email address. Example: name@example.com",
        },
        widget=forms.EmailInput(
            attrs={"autocomplete": "email", "autofocus": True, "inputmode": "email", "spellcheck": "false"}
        ),
    )

"""What is an email address, by the library for them; asked in one place, as its settings are global."""

import email_validator

# Names such as .test and .local may be what an operator's mail server is called, or what staff really use.
email_validator.SPECIAL_USE_DOMAIN_NAMES.clear()


def check_syntax(
    address: str, *, strict: bool = False, globally_deliverable: bool = True
) -> email_validator.ValidatedEmail:
    """Take an address apart, without asking any server; raise ValueError if it is none.

    `strict`: no longer than a mail server has to take. Not `globally_deliverable`: a host without a dot
    will do.
    """
    return email_validator.validate_email(
        address, check_deliverability=False, strict=strict, globally_deliverable=globally_deliverable
    )

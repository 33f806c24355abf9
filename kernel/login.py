"""An address as a login: one spelling of it, everywhere."""


def as_login(address: str) -> str:
    """Return the address in lower case, without blanks around it: the spelling under which people sign in.

    The platform looks people up by exact equality with what JavaScript's `toLowerCase` makes of what they
    type. Python follows the same tables of Unicode, with two letters for İ and another σ at the end of a
    word; PostgreSQL's `lower` knows neither, and in a Turkish locale it changes even a plain I. So whoever
    compares or stores an address asks here, and not the database.
    """
    spelt = address.strip().lower()
    return address if spelt == address else spelt  # not a second one beside it, of each row of a file

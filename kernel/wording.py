"""How numbers are put into sentences."""


def counted(number: int, what: str) -> str:
    """Say how many of something, in the plural unless it is one."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"

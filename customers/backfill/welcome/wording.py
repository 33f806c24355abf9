"""The operator's own words of the mails: proven before a campaign begins."""

from customers.backfill.refused import Refused
from customers.mail.checking import template_problems


def wording_problem() -> str:
    """Return what keeps a campaign from beginning; "" if nothing does."""
    problems = template_problems()
    if len(problems) < 2:
        return "".join(problems)
    return (
        f"{problems[0]} ({len(problems) - 1} more, which python manage.py check and Before the night name.)"
    )


def require_templates() -> None:
    """Raise Refused unless every mail can be written in every language."""
    if problem := wording_problem():
        raise Refused(problem)

"""Send the mail to oneself first: to a made-up customer's name, with a link that leads nowhere."""

from functools import partial

from django.core.mail import get_connection

from auditlog.models import Event, record
from customers.backfill.welcome.sample import NAME, sample_message
from customers.mail.composing import composed
from customers.mail.errors import CannotCompose, DeliveryError
from customers.mail.words import words_for
from customers.models import BackfillRun

PATIENCE_S = 30  # somebody waits for the answer; a campaign waits longer


def send_to_oneself(run: BackfillRun, address: str, language: str, actor: str) -> str:
    """Send the mail to this address; return what went wrong, in words, "" if the server took it.

    Nothing is minted, and nobody of the run is counted as invited.
    """
    try:
        connection = get_connection()
        connection.patience_s = PATIENCE_S  # type: ignore[attr-defined]
        write = partial(sample_message, address, NAME, locale=language, zone=run.lago_timezone)
        connection.send_messages([composed(write)])
    except CannotCompose as error:
        return str(error)
    except DeliveryError as error:
        words = words_for(error.code)
        _note(run, actor, error.code)
        return f"{error.code}: {words.cause}. {words.remedy}"
    _note(run, actor, "")
    return ""


def _note(run: BackfillRun, actor: str, code: str) -> None:
    record(
        run.audit_tag, actor, [Event("welcome.tried", f"run:{run.run_id}", {"code": code} if code else {})]
    )

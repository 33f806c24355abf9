"""Whether mail would go out, and whether somebody works in the background."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.core.mail import get_connection

from customers import queueing, webhook
from customers.backfill.notices.outbox import mails_starter
from customers.backfill.notices.problems import remedy_of
from customers.backfill.preflight.asked import Asked
from customers.backfill.preflight.finding import Check, Part, State, Told, ok, stop, warning
from customers.mail import smtp, worker
from customers.mail.checking import own_templates, template_problems
from customers.mail.errors import DeliveryError
from customers.mail.messages import sender
from customers.mail.ready import DUMMY, what_is_missing
from customers.mail.words import words_for
from customers.models import Notice, WorkerBeat


@contextmanager
def _opened(asked: Asked) -> Iterator[Asked]:
    yield asked


def variables(asked: Asked) -> Told:
    missing = what_is_missing()
    if missing:
        return warning(" ".join(missing), "Set them before customers are invited (docs/environment.md).")
    return ok(f"from {sender().domain}")


def server(asked: Asked) -> Told | None:
    if settings.EMAIL_BACKEND == DUMMY:
        return None
    backend = get_connection()
    if not isinstance(backend, smtp.EmailBackend | worker.EmailBackend):
        return warning("mail is shown here and goes nowhere", "Set EMAIL_URL or CF_EMAIL_WORKER_URL.")
    try:
        backend.prove()
    except DeliveryError as error:
        words = words_for(error.code)
        return stop(f"{error.code}: {words.cause}", words.remedy)
    if isinstance(backend, worker.EmailBackend):
        return ok("the email worker answers; only a mail shows whether it takes the secret")
    return ok("it answers and takes the login; no mail was sent")


def templates(asked: Asked) -> Told | None:
    if not settings.MAIL_TEMPLATES_DIR:
        return None
    if problems := template_problems():
        return stop(" ".join(problems), "Until then no welcome mail goes out.")
    return ok(f"MAIL_TEMPLATES_DIR: {', '.join(own_templates()) or 'no file of ours, so the shipped ones'}")


def background(asked: Asked) -> Told:
    if WorkerBeat.is_fresh():
        return ok("it lives")
    seen_at = WorkerBeat.last()
    found = f"last seen {seen_at:%Y-%m-%d %H:%M} UTC" if seen_at else "never seen"
    remedy = "Start it: python manage.py qcluster. Without it no mail goes out, and the console does nothing."
    return warning(found, remedy)


def queue(asked: Asked) -> Told | None:
    if not settings.Q_BROKER_URL:
        return None
    if queueing.answers():
        return ok("Q_BROKER_URL answers")
    return stop(
        "Q_BROKER_URL does not answer", "Start that Redis, or unset the variable: our database will do."
    )


def told(asked: Asked) -> Told:
    """Say who is told when something is over. Nothing is sent: the page has a button for that."""
    ways = ["mail to whoever started it in the console"] if mails_starter() else []
    if not webhook.is_set():
        return ok(ways[0] if ways else "nobody: neither mail nor NOTIFY_WEBHOOK_URL is set")
    told = " and ".join([*ways, f"the webhook at {webhook.host()}"])
    lately = Notice.objects.filter(channel=Notice.Channel.WEBHOOK).exclude(code="").first()
    if lately is None:
        return ok(told)
    found = f"{told}; but it has not taken {lately.event} of {lately.run.run_id}: {remedy_of(lately.code)}"
    return warning(found, "The run's page has Try again. It is tried again by itself for about a day.")


MAIL = Part(
    "mail",
    "Mail and worker",
    _opened,
    (
        Check("variables", variables),
        Check("server", server, State.STOP),
        Check("templates", templates),
        Check("told when it is over", told),
        Check("worker", background),
        Check("queue", queue),
    ),
)

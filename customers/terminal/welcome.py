"""What `backfill_welcome` shows people."""

from collections.abc import Iterable, Mapping
from json import dumps
from typing import Any, TextIO

from rich.table import Table

from customers import queueing
from customers.backfill.welcome import CampaignStatus, Recipients
from customers.backfill.welcome.recipients import Reason
from customers.mail.words import words_for
from customers.models import BackfillRun, WelcomeCampaign, WorkerBeat
from customers.terminal.base import NOT_WELL, WELL
from customers.terminal.output import TerminalProgress, console

PROBLEMS_SHOWN = 20
WORKER_GONE = "The worker is gone; start one, and it goes on: python manage.py qcluster"
QUEUE_GONE = "The queue (Q_BROKER_URL) does not answer; the worker goes on when it is back."
QUEUE_AWAY = (
    "The mails are queued, but the queue (Q_BROKER_URL) does not answer. The worker begins by itself when it"
    " is back; to send them from here, add --inline."
)
LEFT_OUT_WORDS = {
    "reverted": "taken back by a revert",
    "gone": "no longer exist",
    "inactive": "are inactive",
    "signed_in": "have signed in already",
    "not_at_platform": "are no customers at the platform, or not with this address (backfill_reconcile)",
    "under_way": "are queued by another run's campaign",
    "unknown_before": "perhaps have a mail (--retry-unknown)",
    "failed_before": "were refused before (--retry-failed)",
    "stopped": "were queued when the mails were stopped",
    "link_valid": "have a link that still works (--resend)",
}


class CampaignProgress:
    """Turns what a campaign looks like, again and again, into steps of a bar."""

    def __init__(self, bar: TerminalProgress, stream: TextIO, *, watching: bool) -> None:
        self._bar = bar
        self._stream = stream
        self._settled: int | None = None
        self._may_warn = watching
        self._told = ""

    def hear(self, status: CampaignStatus) -> None:
        if self._settled is None:
            self._bar.start("Sending", status.total)
            self._settled = 0
        self._bar.advance(status.settled - self._settled)
        self._settled = status.settled
        self._tell_put_off(status)
        trouble = _trouble() if self._may_warn and status.status == WelcomeCampaign.Status.RUNNING else ""
        if trouble:
            self._may_warn = False
            self._stream.write(f"{trouble}\n")
            self._stream.flush()

    def _tell_put_off(self, status: CampaignStatus) -> None:
        """Say once what keeps a campaign waiting that goes on by itself."""
        if status.status == WelcomeCampaign.Status.RUNNING and status.reason not in ("", self._told):
            self._told = status.reason
            self._stream.write(f"{status.reason}\n")
            self._stream.flush()


def _trouble() -> str:
    """Say what keeps mails from going out by themselves; "" if nothing does."""
    if not WorkerBeat.is_fresh():
        return WORKER_GONE
    return "" if queueing.answers() else QUEUE_GONE


def print_campaign(stream: TextIO, status: CampaignStatus, *, json: bool) -> int:
    """Print how a campaign stands, and return the exit code that says it."""
    if json:
        _print_json(stream, status.as_json())
    else:
        _print_status(stream, status)
    return NOT_WELL if status.needs_attention or _were_refused(status.left_out) else WELL


def _were_refused(left_out: Mapping[str, int]) -> bool:
    """Return whether somebody gets no mail because an earlier one was refused."""
    return left_out.get(Reason.FAILED, 0) > 0


def print_recipients(stream: TextIO, recipients: Recipients, run: BackfillRun, *, json: bool) -> int:
    """Print who would be invited; nobody has been yet."""
    number = len(recipients.to_mail)
    if json:
        left_out = dict(recipients.left_out)
        document = {"run_id": run.run_id, "status": None, "to_mail": number, "left_out": left_out}
        _print_json(stream, document)
    else:
        stream.write(f"Run {run.run_id}: {number:,} of {recipients.total:,} customers to invite.\n")
        _print_left_out(stream, recipients.left_out)
        stream.flush()
    return NOT_WELL if _were_refused(recipients.left_out) else WELL


def _print_json(stream: TextIO, document: Mapping[str, Any]) -> None:
    stream.write(dumps(document, ensure_ascii=False, indent=2) + "\n")


def _print_left_out(stream: TextIO, left_out: Mapping[str, int]) -> None:
    for reason, number in left_out.items():
        stream.write(f"  {number:,} left out: {LEFT_OUT_WORDS.get(reason, reason)}\n")


def _print_status(stream: TextIO, status: CampaignStatus) -> None:
    reason = f" ({status.reason})" if status.reason else ""
    stream.write(f"Welcome mails of run {status.run_id}: {status.status}{reason}\n")
    stream.write("  " + " · ".join(f"{number:,} {state}" for state, number in status.counts.items()) + "\n")
    _print_left_out(stream, status.left_out)
    _print_problems(stream, status)
    for line in _next(status):
        stream.write(f"{line}\n")
    stream.flush()


def _print_problems(stream: TextIO, status: CampaignStatus) -> None:
    if not status.problems:
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("external_id", "state", "why", "message id"):
        table.add_column(name, overflow="fold")
    shown = status.problems[:PROBLEMS_SHOWN]
    for mail in shown:
        table.add_row(mail.external_id, mail.state, mail.code, mail.message_id)
    console(stream).print(table)
    for code in dict.fromkeys(mail.code for mail in shown):
        words = words_for(code)
        stream.write(f"  {code}: {words.cause}. {words.remedy}\n")
    if len(status.problems) > PROBLEMS_SHOWN:
        stream.write(f"… and {len(status.problems) - PROBLEMS_SHOWN:,} more (--format json)\n")


def _next(status: CampaignStatus) -> Iterable[str]:
    again = f"python manage.py backfill_welcome --run-id {status.run_id}"
    if status.status == WelcomeCampaign.Status.RUNNING and WorkerBeat.is_fresh():
        yield f"The worker goes on with them. To look: {again} --status; to stay with them: {again}"
    elif status.status == WelcomeCampaign.Status.RUNNING:
        yield f"No worker is running. To go on from here: {again} --inline"
    if status.status == WelcomeCampaign.Status.PAUSED:
        yield f"To go on: {again}"
    if status.counts["unknown"]:
        yield "The unknown ones were perhaps sent: look them up in the mail server's log."
        yield f"To send them again: {again} --retry-unknown"
    if status.counts["failed"]:
        yield f"To try the failed ones again: {again} --retry-failed"

"""Welcome mails of a run: who would get one and who not, what it says, the pace, and how far it is."""

from collections.abc import Callable
from functools import partial
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import URLPattern, reverse
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldBooleanWidget

from customers.admin.access import CONTROL, ON_RUNS, WELCOME, actor, may, missing, needs, staff
from customers.admin.following import Following
from customers.admin.pages import TEMPLATES, Pages, post_only
from customers.backfill.beside import is_beside_platform
from customers.backfill.ledger.standing import standing_of
from customers.backfill.refused import Refused
from customers.backfill.welcome import (
    Choice,
    Recipients,
    change_pace,
    latest_campaign,
    pause,
    preview_recipients,
    resume,
    start_campaign,
    stop,
)
from customers.backfill.welcome import status as campaign_status
from customers.backfill.welcome.campaign import BATCH_SIZE, DELAY_MS, STILL_IMPORTING
from customers.backfill.welcome.sample import html_of, sample_message
from customers.backfill.welcome.trying import send_to_oneself
from customers.backfill.welcome.wording import wording_problem
from customers.languages import NAMES, language_of
from customers.mail.composing import composed
from customers.mail.envelope import CustomerMail
from customers.mail.errors import CannotCompose
from customers.mail.ready import what_is_missing, wrong_addresses
from customers.models import BackfillRun, WelcomeCampaign

REASONS = {
    "reverted": "were reverted",
    "gone": "no longer exist",
    "inactive": "are inactive",
    "signed_in": "have signed in already",
    "not_at_platform": "are no customers at the platform, or not with this address: reconcile the run",
    "under_way": "have a mail of another run under way",
    "unknown_before": "may have got one: nobody knows",
    "failed_before": "could not be reached before",
    "stopped": "were queued when the mails were stopped",
    "link_valid": "have a link that still works",
}


# A mail brings its own styles, as attributes; nothing else of it may do anything.
MAIL_ALONE = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'; sandbox"

NOBODY = (Recipients((), {}), "")
BOXES = ("resend", "retry_unknown", "retry_failed")


class WelcomeForm(forms.Form):
    batch_size = forms.IntegerField(
        min_value=1, max_value=10_000, initial=BATCH_SIZE, widget=UnfoldAdminIntegerFieldWidget,
        label="Mails per batch",
    )  # fmt: skip
    delay_ms = forms.IntegerField(
        min_value=0, max_value=3_600_000, initial=DELAY_MS, widget=UnfoldAdminIntegerFieldWidget,
        label="Pause between batches (ms)",
    )  # fmt: skip
    resend = forms.BooleanField(
        required=False, widget=UnfoldBooleanWidget, label="Also to those whose link still works"
    )
    retry_failed = forms.BooleanField(
        required=False, widget=UnfoldBooleanWidget, label="Also to those who could not be reached before"
    )
    retry_unknown = forms.BooleanField(
        required=False, widget=UnfoldBooleanWidget,
        label="Also to those who may have got one (they may get it twice)",
    )  # fmt: skip

    def choice(self) -> Choice:
        return Choice(**{name: self.cleaned_data[name] for name in BOXES})

    @property
    def chosen(self) -> list[str]:
        """Name what is ticked, as a person would say it."""
        return [str(self.fields[name].label) for name in BOXES if self.cleaned_data[name]]


class MailPaceForm(forms.Form):
    batch_size = forms.IntegerField(min_value=1, max_value=10_000, required=False)
    delay_ms = forms.IntegerField(min_value=0, max_value=3_600_000, required=False)


class WelcomePages(Pages):
    def get_urls(self) -> list[URLPattern]:
        return [
            self.route("<int:pk>/welcome/", self.welcome_view, "welcome"),
            self.route("<int:pk>/welcome/count/", self.count_view, "welcome_count"),
            self.route("<int:pk>/welcome/try/", self.try_view, "welcome_try"),
            self.route("<int:pk>/welcome/mail/", self.mail_view, "welcome_mail"),
            self.route("<int:pk>/welcome/pause/", self.hold_view, "welcome_pause"),
            self.route("<int:pk>/welcome/resume/", self.go_on_view, "welcome_resume"),
            self.route("<int:pk>/welcome/stop/", self.end_view, "welcome_stop"),
            self.route("<int:pk>/welcome/pace/", self.mail_pace_view, "welcome_pace"),
            *super().get_urls(),  # type: ignore[misc]
        ]

    @needs(WELCOME, CONTROL)
    def welcome_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Show how the mails stand, to whoever may control them too; only who may send them begins."""
        may_send = may(request.user, WELCOME)
        if request.method == "POST" and not may_send:
            raise PermissionDenied(missing(WELCOME))
        run = self.run(pk)
        form = WelcomeForm(request.POST if request.method == "POST" else None)
        choice = form.choice() if form.is_bound and form.is_valid() else Choice()
        campaign = latest_campaign(run)
        is_active = campaign is not None and campaign.status in WelcomeCampaign.ACTIVE
        # While mails go out the page says how far they are, over and over, and not who would get one.
        counts = form.is_bound or not is_active
        recipients, platform_away = _recipients(run, choice) if may_send and counts else NOBODY
        is_sure = not choice.is_made or request.POST.get("confirmed") == str(len(recipients.to_mail))
        if form.is_bound and form.is_valid() and is_sure and self._start(request, run, form):
            return redirect("admin:customers_backfillrun_welcome", run.pk)
        standing, language = standing_of(run), _language(request.GET)
        context = {
            "run": run,
            "form": form,
            "campaign": campaign_status(campaign) if campaign else None,
            "is_active": is_active,
            "may_send": may_send,
            **_told(recipients),
            "to_confirm": not is_sure and not platform_away,
            "platform_away": platform_away,
            "not_now": run.status in STILL_IMPORTING,
            "unfinished": standing.sentence,
            "waiting": standing.waiting_sentence,
            "sample": _sample(language, run.lago_timezone)[0],
            "language": language,
            "languages": NAMES,
            "no_mail": _no_mail(),
            "own_address": staff(request).email,
        }
        return self.follow(
            request, "welcome", f"Welcome mails of run {run.run_id}", context, _following(campaign)
        )

    @needs(WELCOME)
    def count_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Return whom the boxes mean as they are ticked now, for the script that asks when they change."""
        choice = Choice(**{name: name in request.GET for name in BOXES})
        recipients, away = _recipients(self.run(pk), choice)
        return render(request, f"{TEMPLATES}/recipients.html", _told(recipients) | {"platform_away": away})

    def _start(self, request: HttpRequest, run: BackfillRun, form: WelcomeForm) -> bool:
        pace = {name: form.cleaned_data[name] for name in ("batch_size", "delay_ms")}
        try:
            started = start_campaign(run, actor(request), **pace, choice=form.choice())
        except Refused as refused:
            form.add_error(None, f"{refused} {refused.hint}".strip())
            return False
        if started.campaign is None:
            messages.info(request, "Nobody is to be mailed.")
        return True

    @post_only
    @needs(WELCOME)
    def try_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Send one to whoever asks, and to nobody else."""
        run, person = self.run(pk), staff(request)
        missing = what_is_missing(to_our_pages=not is_beside_platform())
        language = _language(request.POST)
        problem = missing[0] if missing else send_to_oneself(run, person.email, language, actor(request))
        if problem:
            messages.error(request, f"No mail was sent to you. {problem}")
        else:
            messages.success(request, "The mail server took one for you. Its link leads nowhere.")
        page = reverse("admin:customers_backfillrun_welcome", args=[run.pk])
        return redirect(f"{page}?language={language}#mail")

    @needs(WELCOME)
    def mail_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Show the mail as a customer's program does. It runs nothing, and loads nothing."""
        run = self.run(pk)
        sample, why = _sample(_language(request.GET), run.lago_timezone)
        if sample is None:
            raise Http404(f"There is no mail to show yet. {why}")
        response = HttpResponse(html_of(sample))
        response.headers["Content-Security-Policy"] = MAIL_ALONE
        return response

    @post_only
    @needs(*ON_RUNS)
    def hold_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        return self._move(request, pk, pause)

    @post_only
    @needs(*ON_RUNS)
    def go_on_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        return self._move(request, pk, resume)

    @post_only
    @needs(*ON_RUNS)
    def end_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        return self._move(request, pk, stop)

    @post_only
    @needs(*ON_RUNS)
    def mail_pace_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        form = MailPaceForm(request.POST)
        if form.is_valid():
            return self._move(request, pk, change_pace, **form.cleaned_data)
        messages.error(
            request, "The pace is as it was: a batch has 1 to 10,000 mails, a pause up to an hour."
        )
        return redirect("admin:customers_backfillrun_welcome", pk)

    def _move(
        self, request: HttpRequest, pk: int, move: Callable[..., object], **how: int | None
    ) -> HttpResponse:
        run = self.run(pk)
        campaign = latest_campaign(run)
        is_own = campaign is not None and campaign.actor == actor(request)
        if not may(request.user, WELCOME, CONTROL) and not is_own:
            raise PermissionDenied(missing(WELCOME, CONTROL))
        if campaign and campaign.status in WelcomeCampaign.ACTIVE:
            move(campaign, actor(request), **how)
        return redirect("admin:customers_backfillrun_welcome", run.pk)


def _language(given: QueryDict) -> str:
    """Return the language in which somebody wants to see the mail."""
    return language_of(given.get("language", ""))


def _sample(language: str, zone: str) -> tuple[CustomerMail | None, str]:
    """Return the mail as it would be; none, and why, where it cannot be written."""
    try:
        return composed(partial(sample_message, locale=language, zone=zone)), ""
    except CannotCompose as error:
        return None, str(error)


def _no_mail() -> str:
    """Say what keeps every mail from going out, in the words that also refuse to begin."""
    if not settings.EMAIL_FROM:
        return "EMAIL_FROM is not set, so no mail can be sent."
    return next(iter(wrong_addresses()), "") or wording_problem()


def _recipients(run: BackfillRun, choice: Choice) -> tuple[Recipients, str]:
    """Return who would be invited; nobody, and why, where the platform cannot be asked."""
    try:
        return preview_recipients(run, choice), ""
    except Refused as refused:
        return NOBODY[0], f"{refused} {refused.hint}".strip()


def _told(recipients: Recipients) -> dict[str, Any]:
    left_out = [(number, REASONS.get(why, why)) for why, number in recipients.left_out.items()]
    return {"to_mail": len(recipients.to_mail), "left_out": left_out}


def _following(campaign: WelcomeCampaign | None) -> Following:
    if campaign is None:
        return Following(False)
    is_running = campaign.status == WelcomeCampaign.Status.RUNNING
    return Following(is_running, f"The mails are {campaign.status}.")

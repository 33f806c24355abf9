"""Refused cards beside cards of a run that look alike; what is chosen goes to an ordinary preview."""

import re
from typing import Any

from django.contrib import messages
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern

from customers.admin.access import ID_TAGS, ON_RUNS, RUN, actor, may, needs, staff
from customers.admin.pages import TEMPLATES, Pages, post_only
from customers.admin.wording import in_console
from customers.backfill import cards
from customers.backfill.page_looks import connected_for_a_page, page_deadline
from customers.backfill.refused import Refused
from customers.backfill.source import SourceError
from customers.models import BackfillRun
from kernel import RemoteError

SHOWN = 200
PICK = re.compile(r"(\d{1,15})=(\d{1,15})", re.ASCII)
CANNOT = (Refused, RemoteError, ImproperlyConfigured)
CHANGE_ID_TAGS = ID_TAGS[1]


class CardPages(Pages):
    def get_urls(self) -> list[URLPattern]:
        return [
            self.route("<int:pk>/cards/", self.cards_view, "cards"),
            self.route("<int:pk>/cards/board/", self.cards_board_view, "cards_board"),
            self.route("<int:pk>/cards/correct/", self.correct_cards_view, "cards_correct"),
            self.route("<int:pk>/cards/stop/", self.stop_card_view, "cards_stop"),
            *super().get_urls(),  # type: ignore[misc]
        ]

    @needs(*ON_RUNS)
    @needs(*ID_TAGS)
    def cards_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Say what is known here; a script asks for what SteVe knows, or a link for both at once."""
        run, look = self.run(pk), "look" in request.GET
        context = {
            "looked": look,
            "corrected": cards.corrected(run),
            "may_switch": may(request.user, CHANGE_ID_TAGS),
            **(_shown(request, run) if look else {"run": run}),
        }
        return self.show(request, "cards", f"Refused cards beside run {run.run_id}", context)

    @needs(*ON_RUNS)
    @needs(*ID_TAGS)
    def cards_board_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Ask SteVe now, for the page, which does not wait for it."""
        return render(request, f"{TEMPLATES}/cards_board.html", _shown(request, self.run(pk)))

    @post_only
    @needs(RUN)
    @needs(*ID_TAGS)
    def correct_cards_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Make the file of what was ticked, and lead to its preview. Nothing is imported by it."""
        run = self.run(pk)
        found = [PICK.fullmatch(one) for one in request.POST.getlist("pick")]
        picks = [(int(one[1]), int(one[2])) for one in found if one]
        try:
            deadline = page_deadline()
            with connected_for_a_page(deadline) as systems:
                board = cards.look(run, systems)
            upload = cards.preview(run, cards.chosen(board, picks), staff(request), deadline)
        except (*CANNOT, SourceError) as error:
            messages.error(request, _words(error))
            return self._back_to_cards(run)
        messages.info(
            request,
            "Each card is a further one of its customer. Look at the rows, then import them; nothing is yet.",
        )
        return redirect("admin:customers_backfillrun_preview", token=upload.pk)

    @post_only
    @needs(*ON_RUNS)
    @needs(CHANGE_ID_TAGS)
    def stop_card_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Switch off the wrong spelling of a card whose true one was imported."""
        run, given = self.run(pk), request.POST.get("card", "")
        card = int(given) if given.isascii() and given.isdecimal() and len(given) < 16 else 0
        try:
            for told in cards.stop_wrong(run, [card], actor(request)):
                messages.success(request, told)
        except Refused as error:
            messages.error(request, _words(error))
        except (RemoteError, ImproperlyConfigured) as error:
            messages.error(
                request, f"Here the card is off; elsewhere it is as it was: {error}. Switch it off once more."
            )
        return self._back_to_cards(run)

    @staticmethod
    def _back_to_cards(run: BackfillRun) -> HttpResponse:
        return redirect("admin:customers_backfillrun_cards", run.pk)


def _shown(request: HttpRequest, run: BackfillRun) -> dict[str, Any]:
    """Return the board for a page. Nothing is ticked: whose a card is, a person decides."""
    board, cannot = _board(run)
    return {
        "run": run,
        "board": board,
        "cannot": cannot,
        "alike": board.with_owner[:SHOWN] if board else [],
        "more_alike": max(len(board.with_owner) - SHOWN, 0) if board else 0,
        "unlike": board.unlike[:SHOWN] if board else [],
        "more_unlike": max(len(board.unlike) - SHOWN, 0) if board else 0,
        "may_run": may(request.user, RUN),
    }


def _board(run: BackfillRun) -> tuple[cards.Board | None, str]:
    """Look once, as somebody waits; or say in words why that cannot be."""
    try:
        with connected_for_a_page() as systems:
            return cards.look(run, systems), ""
    except CANNOT as error:
        return None, _words(error)


def _words(error: Exception) -> str:
    return in_console(f"{error} {getattr(error, 'hint', '')}".strip())

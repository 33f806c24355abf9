"""Refused cards in the console: nothing ticked, and what is ticked goes to a preview."""

import re
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection
from django.test import Client

from customers.backfill import page_looks
from customers.models import BackfillRun, BackfillUpload, IdTagMapping, User
from rehearsal.lago import Sandbox
from rehearsal.steve import SteveSandbox
from tests.customers.admin.world import (
    audited,
    client_of,
    member_of_staff,
    preview_page,
    run_url,
    said,
    text_of,
    words_of,
)
from tests.customers.backfill.cards.world import MET, STRANGER, board_of, run_with_refused
from tests.customers.backfill.steve.world import tags
from tests.customers.factories import Row, imported, row

pytestmark = pytest.mark.django_db
RIGHTS = ("view_backfillrun", "run_backfill", "view_idtagmapping", "change_idtagmapping")


@pytest.fixture
def run(steve: SteveSandbox) -> BackfillRun:
    return run_with_refused(steve)


@pytest.fixture
def sam() -> Client:
    return client_of(member_of_staff(*RIGHTS))


def pick(run: BackfillRun, ours: str) -> str:
    return next(
        f"{card.ocpp_tag_pk}={one.mapping_pk}"
        for card in board_of(run).refused
        for one in card.alike
        if one.id_tag == ours
    )


def test_every_card_is_there_with_how_sure_it_is_and_nothing_is_ticked(sam: Client, run: BackfillRun) -> None:
    answer = sam.get(run_url(run, "cards_board"))

    words, boxes = words_of(answer), re.findall(r"<input type=\"checkbox\"[^>]*>", answer.content.decode())
    assert all(met.strip() in words for met in MET.values())
    assert STRANGER in words
    assert "a look-alike may be a stranger's" in words
    assert (len(boxes), [box for box in boxes if "checked" in box]) == (8, [])
    assert "--" not in words


def test_what_is_ticked_is_previewed_and_nothing_more(sam: Client, run: BackfillRun) -> None:
    answer = sam.post(run_url(run, "cards_correct"), {"pick": [pick(run, "15A1B2C6")]})

    upload = BackfillUpload.objects.get()
    assert answer["Location"].endswith(f"{upload.pk}/")
    assert b"15-A1-B2-C6" in bytes(upload.data)
    assert "cards.csv" in preview_page(sam, upload)
    assert not IdTagMapping.objects.filter(id_tag="15-A1-B2-C6").exists()
    assert BackfillRun.objects.count() == 1
    assert [entry.data for entry in audited("run.cards_chosen")] == [{"cards": 1, "customers": ["C-2"]}]


@pytest.mark.parametrize("given", [[], ["x"], ["1=1"], ["999=1"]])
def test_what_is_not_on_the_page_is_refused(sam: Client, run: BackfillRun, given: list[str]) -> None:
    answer = sam.post(run_url(run, "cards_correct"), {"pick": given})

    (message,) = said(sam, answer)
    assert "refused card" in message
    assert not BackfillUpload.objects.exists()


def test_a_card_for_two_customers_is_refused(sam: Client, run: BackfillRun) -> None:
    number = pick(run, "15A1B2C6").partition("=")[0]
    other = pick(run, "17A1B2C6").partition("=")[2]

    answer = sam.post(run_url(run, "cards_correct"), {"pick": [pick(run, "15A1B2C6"), f"{number}={other}"]})

    assert "refused card" in said(sam, answer)[0]
    assert not BackfillUpload.objects.exists()


def test_the_wrong_one_is_switched_off_after_the_import(
    sam: Client, run: BackfillRun, steve: SteveSandbox
) -> None:
    wrong = IdTagMapping.objects.get(id_tag="15A1B2C6")
    early = said(sam, sam.post(run_url(run, "cards_stop"), {"card": wrong.pk}))
    imported([further()], skip_existing=True)

    page = words_of(sam.get(run_url(run, "cards")))
    told = said(sam, sam.post(run_url(run, "cards_stop"), {"card": wrong.pk}))

    wrong.refresh_from_db()
    assert "no corrected spelling" in early[0]
    assert "Corrected since" in page
    assert told == ["C-2: The card is off, and blocked in SteVe."]
    assert (wrong.is_active, tags(steve)["15A1B2C6"]["blocked"]) == (False, True)
    assert len(audited("idtagmapping.changed")) == 1


def further() -> Row:
    return row(2, id_tag="15-A1-B2-C6")


def test_the_page_is_there_before_steve_is_asked(sam: Client, run: BackfillRun, steve: SteveSandbox) -> None:
    before = steve.state()["requests"]

    page = sam.get(run_url(run, "cards"))

    assert steve.state()["requests"] == before
    assert f'data-fill="{run_url(run, "cards_board")}"' in text_of(page)
    assert "asking SteVe…" in words_of(page)


def test_without_scripts_a_link_asks(sam: Client, run: BackfillRun) -> None:
    page = text_of(sam.get(run_url(run, "cards"), {"look": "now"}))

    assert "data-fill" not in page
    assert STRANGER in page


def test_while_steve_is_away_its_part_says_so(sam: Client, run: BackfillRun, steve: SteveSandbox) -> None:
    steve.steer("POST", "api", on=False)

    part = words_of(sam.get(run_url(run, "cards_board")))
    page = sam.get(run_url(run, "cards"))

    assert "The refused cards cannot be shown:" in part
    assert "SteVe" in part
    assert "look again once that is put right" in part
    assert page.status_code == 200


@pytest.mark.parametrize("where", ["cards_board", "cards_correct"])
def test_a_page_ends_with_our_words_where_steve_hangs(
    sam: Client, run: BackfillRun, steve: SteveSandbox, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """SteVe is given thirty seconds a call, and three tries: the page is over before all that."""
    picked = {"pick": [pick(run, "15A1B2C6")]}
    monkeypatch.setattr(page_looks, "WITHIN_S", 1.0)
    steve.steer("POST", "latency", seconds=20)
    begun = time.monotonic()

    answer = sam.get(run_url(run, where)) if where == "cards_board" else sam.post(run_url(run, where), picked)
    seconds = time.monotonic() - begun
    steve.steer("POST", "latency", seconds=0)

    told = words_of(answer) if where == "cards_board" else said(sam, answer)[0]
    assert "longer than the 1 seconds that a page can wait" in told
    assert seconds < 5
    assert not BackfillUpload.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_two_presses_at_once_make_one_preview(sam: Client, run: BackfillRun, lago: Sandbox) -> None:
    """Without scripts nothing keeps a button from being pressed twice; both presses are planned at once."""
    picked = {"pick": [pick(run, "15A1B2C6")]}
    lago.fault("pause_before,method=GET,path=/plans$,nth=1")

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(pressed, run, picked)
        lago.wait_held()
        second = pressed(run, picked)
        lago.release()

    upload = BackfillUpload.objects.get()
    assert first.result() == second
    assert second.endswith(f"{upload.pk}/")
    assert len(audited("run.cards_chosen")) == 1


def pressed(run: BackfillRun, picked: dict[str, list[str]]) -> str:
    """Press the button in a browser of one's own; return where that leads."""
    try:
        client = client_of(User.objects.get(display_name="Sam Staff"))
        return str(client.post(run_url(run, "cards_correct"), picked)["Location"])
    finally:
        connection.close()

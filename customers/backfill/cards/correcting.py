"""The file that a correction is: the true spelling as a further card of its customer, to be imported as any.

Nothing is written by choosing: the file goes through the ordinary preview, and makes a run of its own.
"""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db import transaction

from auditlog.models import Event, record
from customers.backfill import uploads
from customers.backfill.cards.board import Board, Candidate, RefusedCard
from customers.backfill.engine.options import Options
from customers.backfill.refused import Refused
from customers.backfill.source import Reading
from customers.models import BackfillRow, BackfillRun, BackfillUpload, User
from kernel.deadline import Deadline
from kernel.masking import mask_id_tag

NAME = "cards.csv"
TWICE_WITHIN = timedelta(minutes=2)  # so long a second press means the first
COLUMNS = ("external_id", "email", "display_name", "plan_code", "start_date", "id_tag")
Pick = tuple[int, int]  # SteVe's number of the refused card, and the number of our mapping


@dataclass(frozen=True, slots=True)
class Correction:
    """Somebody's decision that a refused card is the true spelling of one of ours."""

    card: RefusedCard
    owner: Candidate


def chosen(board: Board, picks: Iterable[Pick]) -> list[Correction]:
    """Find what was chosen on the board as it is now; raise Refused if it cannot be corrected so."""
    cards = {card.ocpp_tag_pk: card for card in board.refused}
    found: dict[int, Correction] = {}
    for number, mapping_pk in dict.fromkeys(picks):
        card = cards.get(number)
        owner = next((one for one in card.alike if one.mapping_pk == mapping_pk), None) if card else None
        if card is None or owner is None or not owner.of_run:
            raise Refused(
                f"Number {number} in SteVe is no refused card any more that looks like the one chosen.",
                "Look at the refused cards again.",
            )
        if not card.can_be_imported:
            raise Refused(
                f"The idTag {mask_id_tag(card.id_tag)} cannot be imported as it is.",
                "It may have letters, digits, - and _ alone: have the charger send it so.",
            )
        if number in found:
            raise Refused(
                f"Number {number} in SteVe was chosen for two cards.", "A card belongs to one customer."
            )
        found[number] = Correction(card, owner)
    if not found:
        raise Refused("No refused card was chosen.", "Choose whose card it is; nothing is chosen for you.")
    return list(found.values())


def as_file(run: BackfillRun, corrections: Sequence[Correction]) -> bytes:
    """Write the rows as an input file; they agree with what the run imported of each customer."""
    rows = _rows(run, corrections)
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for correction in corrections:
        row = rows[correction.owner.mapping_pk]
        user, start = row.user, row.moved_to or row.start_date
        if not isinstance(user, User) or start is None:
            raise Refused(f"The customer {row.external_id} is not here any more, so nothing can be added.")
        writer.writerow(
            (row.external_id, user.email, user.display_name, row.plan_code, start.isoformat(),
             correction.card.id_tag)
        )  # fmt: skip
    return text.getvalue().encode()


def options_for(run: BackfillRun) -> Options:
    return Options(
        skip_existing=True,
        billing_time=run.options.get("billing_time", "calendar"),
        batch_size=settings.BACKFILL_BATCH_SIZE,
        concurrency=settings.BACKFILL_CONCURRENCY,
    )


def preview(
    run: BackfillRun, corrections: Sequence[Correction], user: User, deadline: Deadline | None = None
) -> BackfillUpload:
    """Keep the file and plan it; raise SourceError, Refused or RemoteError, and keep nothing then.

    Who presses twice gets one preview: that of the press which was planned first.
    """
    upload = uploads.keep(NAME, as_file(run, corrections), Reading(), options_for(run), user)
    planned = False
    try:
        uploads.plan_upload(upload, deadline)
        planned = True
    finally:
        if not planned:
            upload.delete()
    return _only_one(run, corrections, upload)


@transaction.atomic
def _only_one(run: BackfillRun, corrections: Sequence[Correction], upload: BackfillUpload) -> BackfillUpload:
    """Give up a preview beside an equal one; of two that end at once, the lock lets one see the other."""
    BackfillRun.objects.select_for_update().get(pk=run.pk)
    same = (
        BackfillUpload.objects.previews()
        .without_content()
        .filter(sha256=upload.sha256, name=NAME, uploaded_by=upload.uploaded_by_id)
    )
    recent = same.filter(created_at__gt=upload.created_at - TWICE_WITHIN).exclude(preview=b"")
    if earlier := recent.exclude(pk=upload.pk).first():
        upload.delete()
        return earlier
    note_written(run, corrections, upload.actor)
    return upload


def note_written(run: BackfillRun, corrections: Sequence[Correction], actor: str) -> None:
    """Write down for whom a correction was prepared, inside the transaction of whoever calls."""
    whom = sorted({one.owner.external_id for one in corrections})
    event = Event("run.cards_chosen", f"run:{run.run_id}", {"cards": len(corrections), "customers": whom})
    with transaction.atomic():
        record(run.audit_tag, actor, [event])


def _rows(run: BackfillRun, corrections: Sequence[Correction]) -> dict[int, BackfillRow]:
    wanted = {one.owner.mapping_pk for one in corrections}
    rows = run.rows.filter(mapping__in=wanted).select_related("user")
    return {row.mapping_id: row for row in rows if row.mapping_id is not None}

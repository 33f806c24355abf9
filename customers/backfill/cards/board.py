"""What SteVe met and nobody owns, beside cards of ours that look alike. Reads only; SteVe in two calls."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from charging import OcppTag, Transaction
from charging.changes import is_of_platform
from charging.step import OURS
from charging.values import PLATFORM_PARENTS, folded
from customers.backfill.ledger.identity import check_world
from customers.backfill.refused import Refused
from customers.backfill.systems import Systems
from customers.models import BackfillRun, IdTagMapping
from kernel.twins import Likeness, Sureness, Twins
from polaris import PlatformDatabase, mappings

READ_BACK = timedelta(days=60)  # before the run: cards may have been tried before they were imported

# What SteVe keeps nothing of; an empty page is no proof.
NOT_SHOWN = (
    "A charger that asks SteVe first and obeys leaves no trace: SteVe keeps a card only from the session"
    " that it was refused. Whoever calls about a card that is not here should try it at a charger that"
    " begins by itself, or have its number read from the charger's own log.",
    "Other capitals, accents or a blank at the end are the same card to SteVe: it lets them charge, and the"
    " sessions are below, not above.",
)
NOT_SHOWN_BESIDE_PLATFORM = (
    "The platform writes over SteVe's notes: beside it, a card counts as refused if it is blocked, has no"
    " mapping, and was used. A card that somebody blocked on purpose looks the same."
)


@dataclass(frozen=True, slots=True)
class Met:
    """How often, when last and where a card was tried."""

    number: int
    last_at: datetime
    charge_boxes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A card that a refused one may be. `of_run`: the run brought it, so that it can be corrected here."""

    mapping_pk: int
    id_tag: str
    external_id: str
    of_run: bool
    likeness: Likeness


@dataclass(frozen=True, slots=True)
class RefusedCard:
    """`met` is None where no session of the last months is of it. `made_by_steve`: its note says so still."""

    ocpp_tag_pk: int
    id_tag: str
    met: Met | None
    made_by_steve: bool
    alike: tuple[Candidate, ...]

    @property
    def can_be_imported(self) -> bool:
        """Return whether the platform can have an idTag of this spelling."""
        return OURS.fullmatch(self.id_tag) is not None

    @property
    def owners(self) -> int:
        return len({one.external_id for one in self.alike})

    @property
    def choices(self) -> tuple[Candidate, ...]:
        return tuple(one for one in self.alike if one.of_run) if self.can_be_imported else ()


@dataclass(frozen=True, slots=True)
class Misspelt:
    """Sessions of a card of the run that SteVe accepted in another spelling: they are billed by nobody."""

    mapping_pk: int
    id_tag: str
    external_id: str
    spelling: str
    met: Met
    energy_kwh: float


@dataclass(frozen=True, slots=True)
class Board:
    run: BackfillRun
    refused: Sequence[RefusedCard]
    misspelt: Sequence[Misspelt]
    not_shown: Sequence[str]

    @property
    def with_owner(self) -> list[RefusedCard]:
        """Return those that look like a card of this run."""
        return [card for card in self.refused if any(one.of_run for one in card.alike)]

    @property
    def unlike(self) -> list[RefusedCard]:
        return [card for card in self.refused if not any(one.of_run for one in card.alike)]


def look(run: BackfillRun, systems: Systems) -> Board:
    """Put the board together; raise Refused or RemoteError."""
    if systems.steve is None:
        raise Refused("SteVe is not configured, and only SteVe knows which cards it refused.")
    check_world(run, systems)
    ours = _ours(run)
    tags = systems.steve.id_tags()
    sessions = systems.steve.transactions(since=run.started_at - READ_BACK)
    by_pk = _by_number(sessions)
    nobodys = _nobodys(tags, by_pk, ours, systems.platform)
    more = (NOT_SHOWN_BESIDE_PLATFORM,) if systems.platform else ()
    return Board(run, _beside(nobodys, by_pk, ours), _misspelt(run, sessions, ours), (*NOT_SHOWN, *more))


def count_alike(run: BackfillRun, systems: Systems) -> int:
    """Count the refused cards that look like the run's; SteVe is asked for sessions only if those decide."""
    if systems.steve is None:
        return 0
    ours, tags = _ours(run), systems.steve.id_tags()
    sessions: Mapping[int, Sequence[Transaction]] = {}
    if systems.platform or any(tag.is_blocked and is_of_platform(tag.note or "") for tag in tags):
        sessions = _by_number(systems.steve.transactions(since=run.started_at - READ_BACK))
    nobodys = _nobodys(tags, sessions, ours, systems.platform)
    cards = _beside(nobodys, sessions, ours)
    return sum(any(one.of_run for one in card.alike) for card in cards)


def _by_number(sessions: Iterable[Transaction]) -> dict[int, list[Transaction]]:
    found: dict[int, list[Transaction]] = defaultdict(list)
    for session in sessions:
        found[session.ocpp_tag_pk].append(session)
    return dict(found)


@dataclass(frozen=True, slots=True)
class _Card:
    pk: int
    id_tag: str
    external_id: str
    number: int | None
    of_run: bool


def _ours(run: BackfillRun) -> list[_Card]:
    """Return all cards that are here: one of another run's customer makes a guess a worse one."""
    of_run = set(run.rows.filter(mapping__isnull=False).values_list("mapping", flat=True))
    known = IdTagMapping.objects.order_by("pk").values_list(
        "pk", "id_tag", "user__external_id", "steve_ocpp_tag_pk"
    )
    return [
        _Card(pk, id_tag, external_id or "", number, pk in of_run)
        for pk, id_tag, external_id, number in known.iterator()
    ]


def _nobodys(
    tags: Iterable[OcppTag],
    sessions: Mapping[int, Sequence[Transaction]],
    ours: Iterable[_Card],
    platform: PlatformDatabase | None,
) -> list[OcppTag]:
    """Select what SteVe refuses and nobody owns, here or at the platform."""
    owned = {folded(card.id_tag) for card in ours}
    found = [
        tag
        for tag in tags
        if _is_refused(tag, was_used=tag.ocpp_tag_pk in sessions, beside_platform=platform is not None)
        and folded(tag.id_tag) not in owned
    ]
    if platform is None or not found:
        return found
    there = mappings.find(platform, {tag.id_tag.lower() for tag in found}).by_id_tag
    return [tag for tag in found if tag.id_tag.lower() not in there]


def _is_refused(tag: OcppTag, *, was_used: bool, beside_platform: bool) -> bool:
    """Tell it from an idTag that somebody made and blocked: one that SteVe made itself says so in its note.

    Beside a platform, which writes over the note, that it was used has to do.
    """
    if not tag.is_blocked or tag.user_pk is not None or tag.id_tag.upper().startswith(PLATFORM_PARENTS):
        return False
    return tag.was_auto_inserted or (was_used and (beside_platform or is_of_platform(tag.note or "")))


def _beside(
    tags: Iterable[OcppTag], sessions: Mapping[int, Sequence[Transaction]], ours: Iterable[_Card]
) -> list[RefusedCard]:
    """Set each beside the cards that it may be: the surest first, then the last met."""
    by_id_tag = {card.id_tag: card for card in ours}
    twins = Twins.of(by_id_tag)
    found = [
        RefusedCard(
            tag.ocpp_tag_pk,
            tag.id_tag,
            _met(sessions.get(tag.ocpp_tag_pk, ())),
            tag.was_auto_inserted,
            _candidates(twins.alike(tag.id_tag), by_id_tag),
        )
        for tag in tags
    ]
    return sorted(found, key=_urgency)


def _candidates(
    alike: Sequence[tuple[str, Likeness]], by_id_tag: Mapping[str, _Card]
) -> tuple[Candidate, ...]:
    """Name whose card it may be; where several people's look alike, each is no more than a guess."""
    several = len({by_id_tag[id_tag].external_id for id_tag, _ in alike}) > 1
    found = []
    for id_tag, how in alike:
        card = by_id_tag[id_tag]
        judged = replace(how, sureness=Sureness.LOW) if several else how
        found.append(Candidate(card.pk, card.id_tag, card.external_id, card.of_run, judged))
    return tuple(found)


def _urgency(card: RefusedCard) -> tuple[int, float]:
    sureness = list(Sureness)
    best = min((sureness.index(one.likeness.sureness) for one in card.alike), default=len(sureness))
    return best, -card.met.last_at.timestamp() if card.met else 0.0


def _met(sessions: Sequence[Transaction]) -> Met | None:
    if not sessions:
        return None
    boxes = tuple(sorted({one.charge_box_id for one in sessions}))
    return Met(len(sessions), max(one.started_at for one in sessions), boxes)


def _misspelt(run: BackfillRun, sessions: Iterable[Transaction], ours: Iterable[_Card]) -> list[Misspelt]:
    cards = [card for card in ours if card.of_run]
    by_number = {card.number: card for card in cards if card.number is not None}
    by_folded = {folded(card.id_tag): card for card in cards if card.number is None}
    groups: dict[tuple[int, str], list[Transaction]] = defaultdict(list)
    for session in sessions:
        card = by_number.get(session.ocpp_tag_pk) or by_folded.get(folded(session.id_tag))
        since_run = session.started_at >= run.started_at
        if card and since_run and session.has_charged and session.id_tag != card.id_tag:
            groups[card.pk, session.id_tag].append(session)
    by_pk = {card.pk: card for card in cards}
    return [_told(by_pk[pk], spelling, some) for (pk, spelling), some in groups.items()]


def _told(card: _Card, spelling: str, sessions: Sequence[Transaction]) -> Misspelt:
    met = _met(sessions)
    if met is None:
        raise ValueError("a group has sessions")
    energy_kwh = sum(one.energy_wh or 0.0 for one in sessions) / 1000
    return Misspelt(card.pk, card.id_tag, card.external_id, spelling, met, energy_kwh)

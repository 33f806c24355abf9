"""Which events are told, and in which words."""

from collections.abc import Mapping
from dataclasses import dataclass

IMPORT, REVERT, WELCOME = "import", "revert", "welcome"


@dataclass(frozen=True, slots=True)
class Told:
    """An event: its name for programs, what it is about, and how a subject says it."""

    name: str
    kind: str
    words: str


# By the audit entry that is written with it.
OF_RUNS: Mapping[str, Told] = {
    "run.succeeded": Told("run.finished", IMPORT, "Import finished"),
    "run.partial": Told("run.partial", IMPORT, "Import finished in part"),
    "run.failed": Told("run.failed", IMPORT, "Import failed"),
    "run.interrupted": Told("run.stopped", IMPORT, "Import stopped"),
    "run.paused": Told("run.paused", IMPORT, "Import paused"),
    "run.canary": Told("run.canary", IMPORT, "First customers are in"),
    "run.reverted": Told("run.reverted", REVERT, "Revert finished"),
    "run.taken_back": Told("run.taken_back", REVERT, "Chosen revert finished"),
}
REVERT_PAUSED = Told("revert.paused", REVERT, "Revert paused")
DIED = Told("run.died", IMPORT, "Import was killed")
REVERT_DIED = Told("revert.died", REVERT, "Revert was killed")
REVERT_FAILED = Told("revert.failed", REVERT, "Revert failed")
REVERT_STOPPED = Told("revert.stopped", REVERT, "Revert stopped")
CAMPAIGN_FINISHED = Told("campaign.finished", WELCOME, "Welcome mails sent")
CAMPAIGN_PAUSED = Told("campaign.paused", WELCOME, "Welcome mails paused")


def job_refused(kind: str) -> Told:
    return Told("job.refused", kind, f"{kind.capitalize()} refused")


ALL = (
    *OF_RUNS.values(),
    DIED,
    REVERT_DIED,
    REVERT_PAUSED,
    REVERT_FAILED,
    REVERT_STOPPED,
    CAMPAIGN_FINISHED,
    CAMPAIGN_PAUSED,
)
_WORDS: Mapping[str, str] = {one.name: one.words for one in ALL}


def in_words(event: str, kind: str) -> str:
    """Say an event that was written down, perhaps by another version."""
    return _WORDS.get(event) or job_refused(kind).words

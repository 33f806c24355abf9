"""Which step is whose turn, and the one right thing to do: a table."""

from typing import Any

import pytest

from customers.admin.runs.stepper import Facts, Look, Mails, Stepper, stepper

GOOD, BAD, STALE = Look(), Look(bad="3 divergences"), Look(is_stale=True)
UNDER_WAY, REFUSED = Look(status="running"), Look(status="refused", reason="Lago is away")
STOPPED = Look(status="stopped", reason="stopped in the admin")
LATER, EDITED = Look(number=2), Look(is_edited=True)
WHOLE: dict[str, Any] = {"status": "succeeded", "reconcile": GOOD}
NO_STEVE: dict[str, Any] = {**WHOLE, "no_session": "SteVe is not configured."}
TO_INVITE: dict[str, Any] = {**NO_STEVE, "verify": GOOD}
ALL_SENT = Mails("done", 10, 10)

# What is known of the run; the states of the five steps by their first letters; what to do, and why not now.
CASES: dict[str, tuple[dict[str, Any], str, str, str]] = {
    "queued": ({"status": "queued"}, "nllll", "reconcile", "The import waits for the worker."),
    "running": ({"status": "running"}, "nllll", "reconcile", "The import is under way."),
    "interrupted": ({"status": "interrupted", "can_continue": True}, "bllll", "continue", ""),
    "interrupted, file forgotten": ({"status": "interrupted"}, "bllll", "upload", ""),
    "failed": ({"status": "failed", "can_continue": True}, "bllll", "continue", ""),
    "failed, to be previewed again": (
        {"status": "failed", "can_continue": True, "wants_preview": True}, "bllll", "upload", "",
    ),
    "partial": ({"status": "partial", "failed": 3, "can_continue": True}, "dnlll", "reconcile", ""),
    "the platform is waited for": (
        {"status": "succeeded", "is_settling": True}, "nllll", "reconcile",
        "The platform has not taken over the cards yet.",
    ),
    "succeeded": ({"status": "succeeded"}, "dnlll", "reconcile", ""),
    "being reconciled": (
        {"status": "succeeded", "reconcile": UNDER_WAY}, "dnlll", "reconcile", "The run is being reconciled.",
    ),
    "reconcile refused": ({"status": "succeeded", "reconcile": REFUSED}, "dblll", "reconcile", ""),
    "diverged": ({"status": "succeeded", "reconcile": BAD}, "dblll", "divergences", ""),
    "diverged, then changed": (
        {"status": "succeeded", "reconcile": Look(bad="3 divergences", is_stale=True)},
        "dnlll", "reconcile", "",
    ),
    "reconciled, then went on": ({"status": "partial", "reconcile": STALE}, "dnlll", "reconcile", ""),
    "reconciled, then edited": ({**WHOLE, "reconcile": EDITED}, "dnlll", "reconcile", ""),
    "diverged, then edited": (
        {"status": "succeeded", "reconcile": Look(bad="1 divergence", is_edited=True)},
        "dnlll", "reconcile", "",
    ),
    "edited after the mails": ({**TO_INVITE, "reconcile": EDITED, "mails": ALL_SENT}, "ddddd", "", ""),
    "reconciled": (WHOLE, "ddnll", "verify", ""),
    "being verified": ({**WHOLE, "verify": UNDER_WAY}, "ddnll", "verify", "The run is being verified."),
    "verify refused": ({**WHOLE, "verify": REFUSED}, "ddbll", "verify", ""),
    "verify stopped": ({**WHOLE, "verify": STOPPED}, "ddbll", "verify", ""),
    "no go": ({**WHOLE, "verify": Look(bad="NO GO: metric")}, "ddbll", "checks", ""),
    "go by the counts": ({**WHOLE, "verify": GOOD}, "ddnll", "charge", ""),
    "charging": (
        {**WHOLE, "verify": GOOD, "charge": Look(2, "queued")},
        "ddnll", "charge", "The run is being verified.",
    ),
    "charging stopped": ({**WHOLE, "verify": GOOD, "charge": Look(2, "stopped")}, "ddbll", "charge", ""),
    "charging was no go": (
        {**WHOLE, "verify": LATER, "charge": Look(bad="NO GO: usage event in Lago")}, "ddbll", "checks", "",
    ),
    "charged, and looked again": ({**WHOLE, "verify": LATER, "charge": GOOD}, "dddnl", "invite", ""),
    "charged before it changed": ({**WHOLE, "verify": LATER, "charge": STALE}, "ddnll", "charge", ""),
    "verified before it changed": ({**WHOLE, "verify": STALE}, "ddnll", "verify", ""),
    "charged": ({**WHOLE, "verify": GOOD, "charge": LATER}, "dddnl", "invite", ""),
    "no SteVe": (TO_INVITE, "dddnl", "invite", ""),
    "nobody to invite": ({**TO_INVITE, "somebody_to_invite": False}, "ddddd", "", ""),
    "no mail server": ({**TO_INVITE, "no_mail": "No EMAIL_FROM."}, "dddbl", "invite", "No EMAIL_FROM."),
    "mails going out": (
        {**TO_INVITE, "mails": Mails("running", 5, 10)},
        "dddnl", "invite", "The welcome mails are going out.",
    ),
    "mails paused": ({**TO_INVITE, "mails": Mails("paused", 5, 10)}, "dddbl", "invite", ""),
    "mails sent": ({**TO_INVITE, "mails": ALL_SENT}, "ddddd", "", ""),
    "invited, and never verified": ({**NO_STEVE, "mails": ALL_SENT}, "ddndl", "verify", ""),
    "diverges after the mails": (
        {**TO_INVITE, "reconcile": BAD, "mails": ALL_SENT}, "dbddl", "divergences", "",
    ),
    "reverting": ({"status": "reverting"}, "bllll", "revert", "The revert is under way."),
    "revert interrupted": ({"status": "revert interrupted"}, "bllll", "revert", ""),
    "reverted": ({"status": "reverted", "reconcile": GOOD}, "bllll", "", ""),
    "abandoned": ({"status": "abandoned"}, "bllll", "", ""),
}  # fmt: skip


def shown(found: Stepper) -> tuple[str, str, str]:
    states = "".join(step.state[0] for step in found.steps)
    return states, str(found.next.action) if found.next else "", found.next.why_not if found.next else ""


@pytest.mark.parametrize(("known", "states", "action", "why_not"), CASES.values(), ids=CASES)
def test_each_run_has_its_turn_and_one_right_thing_to_do(
    known: dict[str, Any], states: str, action: str, why_not: str
) -> None:
    assert shown(stepper(Facts(**known))) == (states, action, why_not)


@pytest.mark.parametrize(
    ("known", "needed"),
    [
        ({"status": "succeeded"}, "run_backfill"),
        ({**WHOLE, "verify": GOOD}, "run_backfill"),
        (TO_INVITE, "send_welcome"),
        ({"status": "revert interrupted"}, "revert_backfill"),
    ],
    ids=["reconcile", "charge", "invite", "revert"],
)
def test_whoever_may_not_do_it_reads_which_permission_it_needs(known: dict[str, Any], needed: str) -> None:
    found = stepper(Facts(**known, may=[]))

    assert found.next is not None
    assert found.next.why_not == f"It needs the permission {needed}, which you do not have."


def test_whoever_may_do_nothing_may_look_at_divergences() -> None:
    assert shown(stepper(Facts(status="succeeded", reconcile=BAD, may=[])))[1:] == ("divergences", "")


@pytest.mark.parametrize(
    ("known", "step", "told"),
    [
        ({"status": "partial", "failed": 3}, 0, "3 rows failed"),
        ({"status": "partial", "reconcile": STALE}, 1, "The run has changed since it was reconciled"),
        ({"status": "succeeded", "reconcile": REFUSED}, 1, "Could not be done: Lago is away"),
        (
            {**TO_INVITE, "reconcile": EDITED, "mails": ALL_SENT},
            1,
            "A customer or a card was changed here since the last look",
        ),
        (TO_INVITE, 2, "GO, without a charging session: SteVe is not configured."),
        ({**WHOLE, "charge": GOOD}, 2, "GO, with a charging session"),
        ({**TO_INVITE, "mails": Mails("done", 10, 10, failed=2)}, 3, "10 of 10 mails, 2 to look at"),
    ],
    ids=["failed rows", "stale", "refused", "edited", "no SteVe", "charged", "mails that failed"],
)
def test_a_step_says_how_it_stands(known: dict[str, Any], step: int, told: str) -> None:
    assert stepper(Facts(**known)).steps[step].told == told

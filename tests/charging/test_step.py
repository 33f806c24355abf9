"""The step `steve_id_tag` against the stand-in: what the plan says and what is left afterwards."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from charging import SteveClient, SteveError, SteveIdTagStep
from charging.found import Tags, sorted_out
from charging.values import AUTO_INSERT_NOTE, OcppTag
from kernel import Action, Made, Removal, Step, Task, Thing, Verdict, Wanted, Works
from rehearsal.steve import SteveSandbox
from tests.charging.factories import LAST_YEAR, NEXT_YEAR, charged, charging, client_of, wanted

ID_TAG = "A1B2C3D4"


@pytest.fixture
def steve() -> Iterator[SteveSandbox]:
    with SteveSandbox(charge_boxes=["TEST-1"]) as sandbox:
        yield sandbox


@pytest.fixture
def client(steve: SteveSandbox) -> Iterator[SteveClient]:
    client = client_of(steve)
    yield client
    client.close()


@pytest.fixture
def step(client: SteveClient) -> SteveIdTagStep:
    return SteveIdTagStep(client)


def verdict_on(step: SteveIdTagStep, row: Wanted) -> Verdict:
    return step.check(row, step.look_up([row]))


def create(step: SteveIdTagStep, row: Wanted, verdict: Verdict) -> Made:
    return step.create(Task(row, verdict, {}))


def run(step: SteveIdTagStep, row: Wanted) -> Made:
    return create(step, row, verdict_on(step, row))


def remove(step: SteveIdTagStep, row: Wanted, made: Made) -> tuple[Removal, str]:
    thing = Thing(row, made.ref, is_made=True, undo=made.undo or {})
    found = step.look_up([row])
    step.stop(thing, found)
    removed = step.remove(thing, step.look_closer([thing], found))
    return removed.removal, removed.why


def writes(steve: SteveSandbox) -> list[str]:
    return [name for name in steve.state()["requests"] if not name.startswith("GET")]


def codes(verdict: Verdict) -> tuple[list[str], list[str], list[str]]:
    """Name problems, warnings and what stands in the way without --skip-existing."""
    kinds = (verdict.problems, verdict.warnings, verdict.exists)
    assert all(ID_TAG not in problem.message for kind in kinds for problem in kind)
    return tuple([problem.code for problem in kind] for kind in kinds)  # type: ignore[return-value]


def test_it_is_a_step_that_calls_for_each_row(step: SteveIdTagStep) -> None:
    as_step: Step = step

    assert (as_step.name, as_step.works) == ("steve_id_tag", Works.PER_ROW)


# --- An idTag that SteVe does not know ---------------------------------------------------------------


def test_an_unknown_id_tag_is_made_without_a_limit(steve: SteveSandbox, step: SteveIdTagStep) -> None:
    verdict = verdict_on(step, wanted())
    made = create(step, wanted(), verdict)

    assert verdict == Verdict(Action.CREATE)
    tag = steve.world.tags[int(made.ref)]
    assert (tag.id_tag, tag.max_active_transaction_count, made.adopted, made.key) == (ID_TAG, -1, False, "")
    assert steve.world.authorise(ID_TAG, starting=True) == "Accepted"


def test_all_rows_are_looked_up_in_one_call(steve: SteveSandbox, step: SteveIdTagStep) -> None:
    step.look_up([wanted(f"TAG-{number}") for number in range(50)])

    assert steve.state()["requests"] == {"GET /steve/api/v1/ocppTags": 1}


def test_a_row_without_a_valid_id_tag_has_no_verdict(step: SteveIdTagStep) -> None:
    assert verdict_on(step, wanted("")) == Verdict(None)


def test_a_lost_answer_is_settled_by_looking(steve: SteveSandbox, step: SteveIdTagStep) -> None:
    steve.fault("reset_after,method=POST,times=forever")

    made = run(step, wanted())

    assert (int(made.ref), made.adopted, made.undo) == (steve.world.tags[1].pk, False, None)


def test_a_request_that_was_lost_on_the_way_stays_an_error(steve: SteveSandbox, step: SteveIdTagStep) -> None:
    steve.fault("reset_before,method=POST,times=forever")

    with pytest.raises(SteveError) as caught:
        run(step, wanted())

    assert (caught.value.code, caught.value.sent) == ("steve_unreachable", True)


def test_a_doubt_that_cannot_be_settled_stays_a_doubt(steve: SteveSandbox, step: SteveIdTagStep) -> None:
    verdict = verdict_on(step, wanted())
    steve.fault("reset_after,method=POST,times=forever")
    steve.fault("500,method=GET,times=forever")

    with pytest.raises(SteveError) as caught:
        create(step, wanted(), verdict)

    assert caught.value.sent
    assert len(steve.world.tags) == 1


def test_an_id_tag_that_somebody_makes_meanwhile_is_adopted(
    steve: SteveSandbox, step: SteveIdTagStep
) -> None:
    verdict = verdict_on(step, wanted())
    steve.world.add_tag(ID_TAG, note="theirs")

    made = create(step, wanted(), verdict)

    assert (made.adopted, made.undo) == (True, None)
    assert steve.world.tags[1].note == "theirs"


def test_an_unknown_card_that_charges_meanwhile_is_adopted_and_unblocked(
    steve: SteveSandbox, step: SteveIdTagStep
) -> None:
    verdict = verdict_on(step, wanted())
    charging(steve, "a1b2c3d4")

    made = create(step, wanted(), verdict)

    assert (made.adopted, (made.undo or {})["unblocked"], made.key) == (True, True, "a1b2c3d4")
    assert not steve.world.tags[1].is_blocked


def test_an_expired_id_tag_that_appears_meanwhile_is_refused(
    steve: SteveSandbox, step: SteveIdTagStep
) -> None:
    verdict = verdict_on(step, wanted())
    steve.world.add_tag(ID_TAG, expiry_date=LAST_YEAR)

    with pytest.raises(SteveError) as caught:
        create(step, wanted(), verdict)

    assert (caught.value.code, caught.value.down) == ("steve_refused", False)


# --- An idTag that SteVe has already -----------------------------------------------------------------


def test_one_that_may_charge_is_adopted_untouched(steve: SteveSandbox, step: SteveIdTagStep) -> None:
    steve.world.add_tag(ID_TAG, max_active_transaction_count=1)

    verdict = verdict_on(step, wanted())

    assert (verdict.action, verdict.ref, verdict.change) == (Action.ADOPT, "1", False)
    assert codes(verdict) == ([], [], ["steve_id_tag_exists"])


def test_one_that_steve_inserted_itself_is_unblocked_without_being_asked(
    steve: SteveSandbox, step: SteveIdTagStep
) -> None:
    charging(steve, ID_TAG)
    verdict = verdict_on(step, wanted())

    made = create(step, wanted(), verdict)

    assert (verdict.action, verdict.change, (verdict.undo or {})["unblocked"]) == (Action.ADOPT, True, True)
    assert codes(verdict) == ([], ["steve_id_tag_unblocked", "steve_id_tag_in_transaction"], [])
    assert (made.ref, made.adopted, made.undo) == (verdict.ref, True, verdict.undo)
    assert steve.world.tags[1].max_active_transaction_count == -1
    assert (steve.world.tags[1].note or "").startswith(AUTO_INSERT_NOTE)


def test_one_that_somebody_blocked_needs_skip_existing(steve: SteveSandbox, step: SteveIdTagStep) -> None:
    steve.world.add_tag(ID_TAG, max_active_transaction_count=0, note="lost, blocked on the phone")

    verdict = verdict_on(step, wanted())

    assert (verdict.action, verdict.change) == (Action.ADOPT, True)
    assert codes(verdict) == ([], ["steve_id_tag_unblocked"], ["steve_id_tag_exists"])


def test_unblocking_keeps_parent_expiry_note_and_the_running_session(
    steve: SteveSandbox, step: SteveIdTagStep
) -> None:
    steve.world.add_tag("FLEET")
    steve.world.add_tag(ID_TAG, parent_id_tag="FLEET", expiry_date=NEXT_YEAR, note="van")
    pk = charging(steve, ID_TAG)
    steve.steer("POST", "id-tags", id_tag=ID_TAG, max_active_transaction_count=0)

    run(step, wanted())

    tag = steve.world.tags[2]
    assert (tag.parent_id_tag, tag.expiry_date, tag.note) == ("FLEET", NEXT_YEAR, "van")
    assert not tag.is_blocked
    assert steve.world.sessions[pk].is_running


def test_one_that_has_expired_cannot_be_imported(steve: SteveSandbox, step: SteveIdTagStep) -> None:
    steve.world.add_tag(ID_TAG, expiry_date=LAST_YEAR)

    verdict = verdict_on(step, wanted())

    assert verdict.action is None
    assert codes(verdict)[0] == ["steve_id_tag_expired"]


@pytest.mark.parametrize("parent", ["META-K7M2P9QX", "meta-k7m2p9qx", "OCPP-LEGACY-007"])
def test_one_under_another_platform_customer_is_taken(
    steve: SteveSandbox, step: SteveIdTagStep, parent: str
) -> None:
    steve.world.add_tag(parent)
    steve.world.add_tag(ID_TAG, parent_id_tag=parent)

    verdict = verdict_on(step, wanted())

    assert verdict.action is None
    assert codes(verdict)[0] == ["steve_id_tag_taken"]


def test_one_under_a_parent_of_the_operators_own_is_adopted(
    steve: SteveSandbox, step: SteveIdTagStep
) -> None:
    steve.world.add_tag("FLEET")
    steve.world.add_tag(ID_TAG, parent_id_tag="FLEET")

    assert verdict_on(step, wanted()).action is Action.ADOPT


def test_one_of_another_spelling_is_adopted_under_the_spelling_of_steve(
    steve: SteveSandbox, step: SteveIdTagStep
) -> None:
    steve.world.add_tag("a1B2c3D4")

    verdict = verdict_on(step, wanted())

    assert (verdict.action, verdict.key, verdict.change) == (Action.ADOPT, "a1B2c3D4", False)
    assert codes(verdict)[1] == ["steve_id_tag_spelling"]


def test_one_of_a_user_of_steve_is_adopted_with_a_warning(steve: SteveSandbox, step: SteveIdTagStep) -> None:
    steve.world.add_tag(ID_TAG, user_pk=7)

    verdict = verdict_on(step, wanted())

    assert (verdict.action, codes(verdict)[1]) == (Action.ADOPT, ["steve_id_tag_has_user"])


def test_ours_that_was_blocked_since_is_unblocked_and_stays_ours(
    steve: SteveSandbox, step: SteveIdTagStep
) -> None:
    run(step, wanted())
    steve.steer("POST", "id-tags", id_tag=ID_TAG, max_active_transaction_count=0, note="Last synced on")
    verdict = replace(verdict_on(step, wanted()), action=Action.DONE)

    made = create(step, wanted(), verdict)

    assert (made.adopted, made.undo, steve.world.tags[1].is_blocked) == (False, None, False)


def test_one_that_vanishes_after_the_plan_is_said_so(steve: SteveSandbox, step: SteveIdTagStep) -> None:
    steve.world.add_tag(ID_TAG, max_active_transaction_count=0)
    verdict = verdict_on(step, wanted())
    steve.world.delete_tag(1)

    with pytest.raises(SteveError, match="gone"):
        create(step, wanted(), verdict)


@pytest.mark.parametrize(
    ("there", "oddity"),
    [
        ("A1B2C3D4 ", "a blank at its end"),
        ("\u00c11B2C3D4", "an accent"),
        ("A1B2C3D\u0301" + "4", "an accent"),
        ("\u212a1", "a character that is none of ours"),
    ],
    ids=["blank", "accent", "combining accent", "kelvin sign"],
)
@pytest.mark.parametrize("limit", [-1, 0])
def test_one_in_a_spelling_that_cannot_be_ours_cannot_be_imported(
    steve: SteveSandbox, step: SteveIdTagStep, there: str, oddity: str, limit: int
) -> None:
    steve.world.add_tag(there, max_active_transaction_count=limit)
    row = wanted("K1" if there == "\u212a1" else ID_TAG)

    verdict = verdict_on(step, row)

    assert (verdict.action, codes(verdict)) == (None, (["steve_id_tag_unusable"], [], []))
    told = verdict.problems[0].message
    assert oddity in told
    assert "(number 1)" in told
    assert there not in told


def test_an_unusable_spelling_that_appears_meanwhile_is_refused_and_left_alone(
    steve: SteveSandbox, step: SteveIdTagStep
) -> None:
    verdict = verdict_on(step, wanted("K1"))
    steve.world.add_tag("\u212a1", max_active_transaction_count=0)  # the sign of the kelvin

    with pytest.raises(SteveError):
        create(step, wanted("K1"), verdict)

    assert steve.world.tags[1].is_blocked


# --- How long it takes -------------------------------------------------------------------------------


def test_how_long_is_not_known_before_a_call_was_made(step: SteveIdTagStep) -> None:
    assert (step.expected_s(10, 0, {}), step.expected_removal_s(10, {})) == (None, None)


class Timed(SteveClient):
    """One whose calls took so long."""

    call_s = 0.2


def test_how_long_follows_from_what_a_call_takes_and_what_is_there(steve: SteveSandbox) -> None:
    step = SteveIdTagStep(Timed(steve.url, steve.username, steve.key))

    assert step.expected_s(1, 0, Tags()) == pytest.approx(0.2, rel=0.001)
    assert step.expected_s(0, 1, Tags()) == pytest.approx(0.4)
    assert step.expected_removal_s(
        1, sorted_out([OcppTag(1, "a", -1), OcppTag(2, "b", -1)], 0.0)
    ) == pytest.approx(0.4, rel=0.001)


def test_more_than_an_hour_is_too_long_and_says_what_helps() -> None:
    warning = SteveIdTagStep.takes_long(3601)

    assert SteveIdTagStep.takes_long(3600) is None
    assert warning is not None
    assert (warning.code, "Import in parts" in warning.hint) == ("steve_takes_long", True)


# --- Taking it back ----------------------------------------------------------------------------------


def test_one_that_we_made_and_nobody_used_is_deleted(steve: SteveSandbox, step: SteveIdTagStep) -> None:
    made = run(step, wanted())

    first, again = remove(step, wanted(), made), remove(step, wanted(), made)

    assert (first, again) == ((Removal.REMOVED, ""), (Removal.GONE, ""))
    assert steve.world.tags == {}


def test_one_that_charged_is_blocked_and_keeps_its_history(steve: SteveSandbox, step: SteveIdTagStep) -> None:
    made = run(step, wanted())
    pk = charged(steve, "a1b2c3d4")

    removal, why = remove(step, wanted(), made)

    assert (removal, "sessions: 1" in why) == (Removal.KEPT, True)
    assert steve.world.tags[1].is_blocked
    assert pk in steve.world.sessions


def test_a_session_that_begins_while_we_look_is_not_deleted(
    steve: SteveSandbox, client: SteveClient, step: SteveIdTagStep
) -> None:
    made = run(step, wanted())
    steve.fault("pause_before,path=.*transactions")

    with ThreadPoolExecutor(1) as pool:
        removing = pool.submit(remove, step, wanted(), made)
        held = steve.wait_held()
        _, decision = steve.world.start("TEST-1", 1, ID_TAG, 0, NEXT_YEAR)
        steve.release()
        removal, _ = removing.result()

    assert (len(held), decision, removal) == (1, "Blocked", Removal.KEPT)
    assert len(steve.world.sessions) == 1


def test_one_that_we_unblocked_is_blocked_again(steve: SteveSandbox, step: SteveIdTagStep) -> None:
    steve.world.add_tag(ID_TAG, max_active_transaction_count=0, note="van")
    made = run(step, wanted())

    removal, why = remove(step, wanted(), made)

    assert (removal, "blocked again" in why) == (Removal.KEPT, True)
    assert (steve.world.tags[1].is_blocked, steve.world.tags[1].note) == (True, "van")


def test_one_that_we_unblocked_and_that_expired_since_needs_no_blocking(
    steve: SteveSandbox, step: SteveIdTagStep
) -> None:
    steve.world.add_tag(ID_TAG, max_active_transaction_count=0)
    made = run(step, wanted())
    steve.steer("POST", "id-tags", id_tag=ID_TAG, expiry_date=LAST_YEAR.isoformat())

    removal, _ = remove(step, wanted(), made)

    assert removal is Removal.KEPT
    assert steve.world.authorise(ID_TAG) == "Expired"


def test_one_whose_mapping_has_gone_is_blocked_and_named_by_its_number(
    steve: SteveSandbox, step: SteveIdTagStep
) -> None:
    made = run(step, wanted())

    removal, why = remove(step, wanted(""), made)

    assert (removal, "number 1" in why) == (Removal.KEPT, True)
    assert steve.world.tags[1].is_blocked


def test_another_id_tag_under_the_recorded_number_is_left_alone(
    steve: SteveSandbox, step: SteveIdTagStep
) -> None:
    steve.world.add_tag("STRANGER-1")

    removal, why = remove(step, wanted(), Made(ref="1"))

    assert (removal, "another idTag" in why) == (Removal.KEPT, True)
    assert writes(steve) == []


def test_a_lost_answer_to_the_deletion_is_no_error(steve: SteveSandbox, step: SteveIdTagStep) -> None:
    made = run(step, wanted())
    steve.fault("reset_after,method=DELETE")

    removal, _ = remove(step, wanted(), made)

    assert removal is Removal.GONE
    assert steve.world.tags == {}


# --- What a run left, and what is there now ----------------------------------------------------------


def kinds(step: SteveIdTagStep, row: Wanted, ref: str) -> list[str]:
    thing = Thing(row, ref, is_made=True)
    return [divergence.kind for divergence in step.compare(thing, step.look_up([row]))]


def test_what_stands_as_recorded_does_not_diverge(step: SteveIdTagStep) -> None:
    made = run(step, wanted())

    assert kinds(step, wanted(), made.ref) == []


def test_a_missing_id_tag_diverges(step: SteveIdTagStep) -> None:
    assert kinds(step, wanted(), "1") == ["missing"]


@pytest.mark.parametrize(
    ("there", "kind"),
    [
        ({"id_tag": ID_TAG, "max_active_transaction_count": 0}, "blocked"),
        ({"id_tag": ID_TAG, "expiry_date": LAST_YEAR}, "expired"),
        ({"id_tag": "a1b2c3d4"}, "other_spelling"),
    ],
)
def test_an_id_tag_that_cannot_charge_or_bill_diverges(
    steve: SteveSandbox, step: SteveIdTagStep, there: dict[str, Any], kind: str
) -> None:
    steve.world.add_tag(**there)

    assert kinds(step, wanted(), "1") == [kind]


def test_an_id_tag_made_anew_by_somebody_else_diverges(steve: SteveSandbox, step: SteveIdTagStep) -> None:
    made = run(step, wanted())
    steve.world.delete_tag(int(made.ref))
    steve.world.add_tag(ID_TAG)

    assert kinds(step, wanted(), made.ref) == ["other_object"]


def test_a_divergence_does_not_show_the_id_tag(steve: SteveSandbox, step: SteveIdTagStep) -> None:
    steve.world.add_tag("a1b2c3d4", max_active_transaction_count=0, expiry_date=LAST_YEAR)

    thing = Thing(wanted(), "9", is_made=True)

    shown = str(step.compare(thing, step.look_up([wanted()])))

    assert ID_TAG not in shown
    assert "a1b2c3d4" not in shown


def test_it_may_be_used_from_several_threads(steve: SteveSandbox, step: SteveIdTagStep) -> None:
    rows = [wanted(f"TAG-{number:03}") for number in range(40)]
    found = step.look_up(rows)

    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda row: create(step, row, step.check(row, found)), rows))

    assert [steve.world.tags[int(one.ref)].id_tag for one in made] == [row.id_tag for row in rows]

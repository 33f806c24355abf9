"""Taking idTags back: in which order, by how many calls, and what somebody does meanwhile."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from charging import SteveClient, SteveError, SteveIdTagStep
from charging.found import Tags
from charging.withdrawal import STALE_S
from kernel import Made, Removal, Removed, Task, Thing, Wanted
from rehearsal.steve import SteveSandbox
from tests.charging.factories import charged, client_of, wanted

ROWS = [wanted(f"TAG-{number}") for number in range(10)]
META = "META-K7M2P9QX"


class Clock:
    """A clock that goes on only where it is told to."""

    now_s = 1_000.0

    def __call__(self) -> float:
        return self.now_s


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
def clock() -> Clock:
    return Clock()


@pytest.fixture
def step(client: SteveClient, clock: Clock) -> SteveIdTagStep:
    return SteveIdTagStep(client, clock=clock)


def made(step: SteveIdTagStep, row: Wanted) -> Thing:
    found = step.look_up([row])
    answer: Made = step.create(Task(row, step.check(row, found), {}))
    return Thing(row, answer.ref, is_made=not answer.adopted, undo=answer.undo or {})


def stopped(step: SteveIdTagStep, *things: Thing) -> list[Removed]:
    """Take things back as a revert does: all are stopped, then looked at, then removed."""
    found = step.look_up([thing.wanted for thing in things])
    for thing in things:
        step.stop(thing, found)
    closer = step.look_closer(things, found)
    return [step.remove(thing, closer) for thing in things]


def test_ten_are_taken_back_by_two_calls_each_and_two_for_all(
    steve: SteveSandbox, step: SteveIdTagStep
) -> None:
    things = [made(step, row) for row in ROWS]
    before = sum(steve.state()["requests"].values())

    removed = stopped(step, *things)

    assert removed == [Removed(Removal.REMOVED)] * 10
    assert sum(steve.state()["requests"].values()) - before == 22
    assert steve.world.tags == {}


def test_one_with_others_below_it_stays_blocked(steve: SteveSandbox, step: SteveIdTagStep) -> None:
    thing = made(step, wanted())
    steve.world.add_tag("CHILD-1", parent_id_tag="A1B2C3D4")

    (removed,) = stopped(step, thing)

    assert (removed.removal, "idTags: 1" in removed.why) == (Removal.KEPT, True)
    assert steve.world.tags[1].is_blocked


def test_one_that_gets_a_child_after_the_look_stays_blocked(
    steve: SteveSandbox, step: SteveIdTagStep
) -> None:
    thing = made(step, wanted())
    found = step.look_up([thing.wanted])
    step.stop(thing, found)
    closer = step.look_closer([thing], found)
    steve.world.add_tag("CHILD-1", parent_id_tag="A1B2C3D4")

    removed = step.remove(thing, closer)

    assert (removed.removal, "idTags: 1" in removed.why) == (Removal.KEPT, True)


def test_one_under_a_customer_of_the_platform_stays_blocked(
    steve: SteveSandbox, step: SteveIdTagStep
) -> None:
    thing = made(step, wanted())
    steve.world.add_tag(META)
    steve.world.tags[1].parent_id_tag = META

    (removed,) = stopped(step, thing)

    assert (removed.removal, "another customer" in removed.why) == (Removal.KEPT, True)
    assert (steve.world.tags[1].is_blocked, steve.world.tags[1].parent_id_tag) == (True, META)


def test_one_with_a_history_stays_blocked_and_the_others_go(
    steve: SteveSandbox, step: SteveIdTagStep
) -> None:
    things = [made(step, row) for row in ROWS[:3]]
    charged(steve, "TAG-1")

    removed = stopped(step, *things)

    assert [one.removal for one in removed] == [Removal.REMOVED, Removal.KEPT, Removal.REMOVED]
    assert [(tag.id_tag, tag.is_blocked) for tag in steve.world.tags.values()] == [("TAG-1", True)]


def test_one_that_goes_between_the_look_and_the_stop_is_gone(
    steve: SteveSandbox, step: SteveIdTagStep
) -> None:
    thing = made(step, wanted())
    found = step.look_up([thing.wanted])
    steve.world.delete_tag(1)

    step.stop(thing, found)
    removed = step.remove(thing, step.look_closer([thing], found))

    assert removed.removal is Removal.GONE


def test_one_that_the_list_leaves_out_is_not_taken_for_gone(
    steve: SteveSandbox, step: SteveIdTagStep, clock: Clock
) -> None:
    thing = made(step, wanted())

    with pytest.raises(SteveError) as failure:
        step.stop(thing, Tags(read_at=clock()))

    assert failure.value.code == "steve_unexpected"


def test_the_list_is_read_again_where_a_revert_takes_long(
    steve: SteveSandbox, step: SteveIdTagStep, clock: Clock
) -> None:
    first, second = made(step, ROWS[0]), made(step, ROWS[1])
    found = step.look_up(ROWS)
    steve.world.tags[2].note = "lost"
    clock.now_s += STALE_S + 1

    step.stop(first, found)
    with pytest.raises(SteveError, match="changed the idTag") as caught:
        step.stop(second, found)

    assert (caught.value.code, caught.value.down) == ("steve_changed", False)
    assert [tag.is_blocked for tag in steve.world.tags.values()] == [True, False]


def test_what_was_known_when_it_was_asked_about_stops_nothing_later(
    steve: SteveSandbox, step: SteveIdTagStep, clock: Clock
) -> None:
    thing = made(step, wanted())
    steve.world.tags[1].note = "lost"
    found = step.look_up(ROWS)
    clock.now_s += STALE_S + 1

    step.stop(thing, found)

    assert (steve.world.tags[1].is_blocked, steve.world.tags[1].note) == (True, "lost")


def test_a_parent_goes_where_what_stands_under_it_went_before(
    steve: SteveSandbox, step: SteveIdTagStep
) -> None:
    child, parent = made(step, ROWS[0]), made(step, ROWS[1])
    steve.world.tags[1].parent_id_tag = ROWS[1].id_tag

    removed = stopped(step, child, parent)

    assert (removed, steve.world.tags) == ([Removed(Removal.REMOVED)] * 2, {})


def test_one_whose_mapping_has_gone_is_blocked_where_nobody_touched_it(
    steve: SteveSandbox, step: SteveIdTagStep
) -> None:
    untouched, touched = made(step, ROWS[0]), made(step, ROWS[1])
    steve.world.tags[2].note = "van 7"
    things = [replace(one, wanted=replace(one.wanted, id_tag="")) for one in (untouched, touched)]

    removed = stopped(step, *things)

    assert [(one.removal, one.in_use) for one in removed] == [(Removal.KEPT, False), (Removal.KEPT, True)]
    assert [tag.is_blocked for tag in steve.world.tags.values()] == [True, False]

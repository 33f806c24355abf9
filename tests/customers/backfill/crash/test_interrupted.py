"""Somebody presses Ctrl-C during a revert."""

from customers.models import BackfillRun, User
from rehearsal.lago import Sandbox
from tests.customers import factories
from tests.customers.backfill.crash import world
from tests.customers.backfill.crash.processes import Nursery
from tests.customers.undoing import all_rows


def test_what_is_in_flight_is_finished_and_the_rest_goes_later(
    fresh_lago: Sandbox, commands: Nursery, lago_is_lasting: None
) -> None:
    factories.imported(factories.rows(20))
    revert_it = ("backfill_revert", "--run-id", world.run_id())
    fresh_lago.fault("pause_after,method=DELETE,nth=3")

    command = commands.start(*revert_it)
    world.wait_for_fault(fresh_lago)
    command.interrupt()
    command.says("Stopping: what is in flight is finished and recorded.")
    fresh_lago.clear_faults()
    code = command.wait()
    left, status = User.objects.count(), BackfillRun.objects.get().status
    gone = 20 - len(fresh_lago.state(live=True)["customers"])
    commands.run(*revert_it)

    assert code == 130
    assert (left, gone, status) == (18, 2, "reverting")
    assert "Traceback" not in command.err
    assert User.objects.count() == len(fresh_lago.state(live=True)["customers"]) == 0
    assert BackfillRun.objects.get().status == "reverted"
    assert world.is_unbilled(fresh_lago)


def test_twice_ends_it_at_once_and_the_rest_goes_later(
    fresh_lago: Sandbox, commands: Nursery, lago_is_lasting: None
) -> None:
    factories.imported(factories.rows(20))
    revert_it = ("backfill_revert", "--run-id", world.run_id())
    fresh_lago.fault("pause_after,method=DELETE,nth=3")

    command = commands.start(*revert_it)
    world.wait_for_fault(fresh_lago)
    command.interrupt()
    command.says("Stopping")
    command.interrupt()
    command.says("Stopped at once")
    fresh_lago.clear_faults()
    code = command.wait()
    world.wait_until_free()
    commands.run(*revert_it)

    assert code == 130
    assert "Traceback" not in command.err
    assert User.objects.count() == len(fresh_lago.state(live=True)["customers"]) == 0
    assert world.is_unbilled(fresh_lago)


def test_before_anything_is_removed_nothing_is(
    fresh_lago: Sandbox, commands: Nursery, lago_is_lasting: None
) -> None:
    factories.imported(factories.rows(3))
    before = all_rows(), fresh_lago.state(volatile=True)
    fresh_lago.fault("pause_after,method=GET,path=/invoices")

    command = commands.start("backfill_revert", "--run-id", world.run_id())
    world.wait_for_fault(fresh_lago)
    command.interrupt()
    command.says("Stopping")
    fresh_lago.clear_faults()
    code = command.wait()

    assert code == 130
    assert "Nothing was removed" in command.out
    assert (all_rows(), fresh_lago.state(volatile=True)) == before

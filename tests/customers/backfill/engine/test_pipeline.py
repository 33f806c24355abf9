"""Batches opened, worked on and settled: in order, in parallel, and stoppable."""

import threading
from collections.abc import Callable, Sequence
from threading import Event

import pytest

from customers.backfill.engine.lanes import Lanes
from customers.backfill.engine.pipeline import Leg, Pipeline
from customers.backfill.engine.stop import Stop

PATIENCE_S = 60.0


class Diary:
    """A pipeline of one leg over numbers that writes down what happened; `work` may be replaced."""

    def __init__(self, concurrency: int = 2, work: Callable[[int], int] = lambda item: item * 10) -> None:
        self.stop = Stop()
        self.opened: list[list[int]] = []
        self.done: dict[int, int] = {}
        self.settled: list[list[tuple[int, bool]]] = []
        self.threads: set[str] = set()
        self.most_open = 0
        self.on_open: Callable[[], object] = lambda: None
        self.on_settle: Callable[[], None] = lambda: None
        self.keep: Callable[[int], bool] = lambda item: True
        self._work = work
        self._pipeline = Pipeline(
            open_batch=self._open,
            legs=self._legs(),
            settle_batch=self._settle,
            lanes=Lanes(concurrency),
            stop=self.stop,
        )

    def run(self, count: int, batch_size: int) -> None:
        batches = [list(range(at, min(at + batch_size, count))) for at in range(0, count, batch_size)]
        self._pipeline.run(batches, batch_size)

    def _legs(self) -> list[Leg[int]]:
        return [Leg(each=self._do)]

    def _open(self, batch: Sequence[int]) -> Sequence[int]:
        self.opened.append(list(batch))
        self.most_open = max(self.most_open, len(self.opened) - len(self.settled))
        self.note_books()
        self.on_open()
        return [item for item in batch if self.keep(item)]

    def _do(self, item: int) -> None:
        self.note_work()
        self.done[item] = self._work(item)

    def _settle(self, batch: Sequence[tuple[int, bool]]) -> None:
        self.settled.append(list(batch))
        self.note_books()
        self.on_settle()

    def note_books(self) -> None:
        self.threads.add(f"books: {threading.current_thread().name}")

    def note_work(self) -> None:
        remote = threading.current_thread().name.startswith("remote")
        self.threads.add("work: remote" if remote else "work: ?")


def test_every_item_is_worked_on_and_settled_in_order() -> None:
    diary = Diary()

    diary.run(5, batch_size=2)

    assert diary.opened == [[0, 1], [2, 3], [4]]
    assert diary.settled == [[(0, True), (1, True)], [(2, True), (3, True)], [(4, True)]]
    assert diary.done == {0: 0, 1: 10, 2: 20, 3: 30, 4: 40}


def test_a_slow_batch_is_settled_before_a_later_one_that_is_done() -> None:
    later_done = Event()

    def work(item: int) -> int:
        if item == 0:
            later_done.wait(PATIENCE_S)
        if item == 2:
            later_done.set()
        return item

    diary = Diary(concurrency=2, work=work)
    diary.run(4, batch_size=1)

    assert later_done.is_set()
    assert [batch[0][0] for batch in diary.settled] == [0, 1, 2, 3]


def test_the_pool_does_not_run_dry_at_the_end_of_a_batch() -> None:
    next_batch_begun = Event()

    def work(item: int) -> int:
        if item == 3:  # the last of the first batch waits for the first of the next
            return int(next_batch_begun.wait(PATIENCE_S))
        if item == 4:
            next_batch_begun.set()
        return 1

    diary = Diary(concurrency=4, work=work)
    diary.run(8, batch_size=4)

    assert len(diary.done) == 8
    assert all(diary.done.values())


@pytest.mark.parametrize(("concurrency", "batch_size", "ahead"), [(8, 25, 3), (8, 1, 10), (1, 1, 3)])
def test_only_a_few_batches_are_open_at_once(concurrency: int, batch_size: int, ahead: int) -> None:
    diary = Diary(concurrency)

    diary.run(40 * batch_size, batch_size)

    assert diary.most_open == ahead


def test_no_more_items_are_worked_on_at_once_than_asked_for() -> None:
    lock, working, most = threading.Lock(), 0, 0
    three_at_once = threading.Barrier(3)

    def work(item: int) -> int:
        nonlocal working, most
        with lock:
            working += 1
            most = max(most, working)
        three_at_once.wait(PATIENCE_S)
        with lock:
            working -= 1
        return item

    Diary(concurrency=3, work=work).run(30, batch_size=10)

    assert most == 3


def test_books_are_kept_in_the_callers_thread_only() -> None:
    diary = Diary()

    diary.run(4, batch_size=2)

    assert diary.threads == {f"books: {threading.current_thread().name}", "work: remote"}


def test_a_request_to_stop_opens_nothing_more_and_settles_what_is_open() -> None:
    diary = Diary(concurrency=1)
    diary.on_settle = lambda: diary.stop.request("enough")

    diary.run(100, batch_size=1)

    assert len(diary.opened) == len(diary.settled) == 3
    assert (diary.settled[0], diary.done[0]) == ([(0, True)], 0)


def test_what_is_in_flight_is_finished_and_what_was_not_begun_is_left() -> None:
    diary = Diary(concurrency=1, work=lambda item: stop_at(diary, item, 1))

    diary.run(4, batch_size=4)

    assert diary.settled == [[(0, True), (1, True), (2, False), (3, False)]]
    assert diary.done == {0: 0, 1: 1}


def stop_at(diary: Diary, item: int, at: int) -> int:
    if item == at:
        diary.stop.request("enough")
    return item


def test_a_stop_before_the_start_does_nothing() -> None:
    diary = Diary()
    diary.stop.request("enough")

    diary.run(4, batch_size=2)

    assert (diary.opened, diary.settled) == ([], [])


@pytest.mark.parametrize("where", ["work", "settle"])
def test_a_bug_ends_the_run_and_leaves_no_thread_behind(where: str) -> None:
    def bug(*given: object) -> int:
        raise ZeroDivisionError

    diary = Diary(work=bug) if where == "work" else Diary()
    diary.on_settle = bug

    with pytest.raises(ZeroDivisionError):
        diary.run(50, batch_size=5)

    assert not [thread for thread in threading.enumerate() if thread.name.startswith("remote")]


# --- A leg for a whole batch between two for each item ------------------------------------------------


class Way(Diary):
    """A way of three legs: first (each), middle (together), last (each); what they do may be replaced."""

    def __init__(self, concurrency: int = 2) -> None:
        self.done_by: list[tuple[str, int]] = []
        self.together: list[list[int]] = []
        self.do: dict[str, Callable[[int], object]] = {}
        super().__init__(concurrency)

    def _legs(self) -> list[Leg[int]]:
        return [Leg(each=self._first), Leg(together=self._middle), Leg(each=self._last)]

    def _first(self, item: int) -> None:
        self._pass("first", item)

    def _last(self, item: int) -> None:
        self._pass("last", item)

    def _pass(self, leg: str, item: int) -> None:
        self.note_work()
        self.do.get(leg, id)(item)
        self.done_by.append((leg, item))

    def _middle(self, items: Sequence[int]) -> None:
        self.note_books()
        self.together.append(list(items))
        for item in items:
            self.do.get("middle", id)(item)
            self.done_by.append(("middle", item))


def test_every_item_goes_through_all_legs_in_their_order() -> None:
    way = Way()

    way.run(5, batch_size=2)

    legs = [[leg for leg, one in way.done_by if one == item] for item in range(5)]
    assert legs == [["first", "middle", "last"]] * 5
    assert way.settled == [[(0, True), (1, True)], [(2, True), (3, True)], [(4, True)]]


def test_a_batch_goes_through_its_common_leg_whole_between_the_two_others() -> None:
    way = Way(concurrency=3)

    way.run(9, batch_size=3)

    assert sorted(way.together) == [[0, 1, 2], [3, 4, 5], [6, 7, 8]]
    for batch in way.together:
        legs = [leg for leg, item in way.done_by if item in batch]
        assert legs == ["first"] * 3 + ["middle"] * 3 + ["last"] * 3


def test_a_common_leg_is_done_in_the_callers_thread_only() -> None:
    way = Way()

    way.run(4, batch_size=2)

    assert way.threads == {f"books: {threading.current_thread().name}", "work: remote"}


def test_the_pool_makes_calls_while_a_batch_is_in_its_common_leg() -> None:
    """One batch before its common leg and one after it: each is under way while another is in it."""
    way = Way(concurrency=2)
    second_open, first_begun, last_begun, over = Event(), Event(), Event(), [Event(), Event()]
    overlaps: list[bool] = []

    def first(item: int) -> None:
        if item == 0:  # or else its batch might be in the common leg before there is another one
            second_open.wait(PATIENCE_S)
        if item == 1:
            first_begun.set()
            overlaps.append(over[0].wait(PATIENCE_S))

    def middle(item: int) -> None:
        overlaps.append((first_begun if item == 0 else last_begun).wait(PATIENCE_S))
        over[item].set()

    def last(item: int) -> None:
        if item == 0:
            last_begun.set()
            overlaps.append(over[1].wait(PATIENCE_S))

    way.do = {"first": first, "middle": middle, "last": last}
    way.on_open = lambda: second_open.set() if len(way.opened) == 2 else None
    way.run(2, batch_size=1)

    assert overlaps == [True] * 4
    assert way.settled == [[(0, True)], [(1, True)]]


def test_no_batch_begins_a_leg_before_those_ahead_have_ended_the_one_before() -> None:
    way, others_first = Way(concurrency=2), Event()

    def first(item: int) -> None:
        if item == 0:
            others_first.wait(PATIENCE_S)  # late, while the others go through their first leg
        elif item == 2:
            others_first.set()

    way.do = {"first": first}
    way.run(3, batch_size=1)

    assert others_first.is_set()
    assert way.done_by.index(("first", 2)) < way.done_by.index(("first", 0))
    assert [item for leg, item in way.done_by if leg == "middle"] == [0, 1, 2]
    assert [batch[0] for batch in way.settled] == [(0, True), (1, True), (2, True)]


@pytest.mark.parametrize(("concurrency", "batch_size", "ahead"), [(8, 25, 5), (8, 1, 12), (1, 1, 5)])
def test_more_legs_need_more_open_batches_but_only_a_few(
    concurrency: int, batch_size: int, ahead: int
) -> None:
    way = Way(concurrency)

    way.run(40 * batch_size, batch_size)

    assert way.most_open == ahead


def test_an_empty_batch_goes_all_the_way() -> None:
    way = Way()
    way.keep = lambda item: item not in (2, 3)

    way.run(6, batch_size=2)

    assert way.settled == [[(0, True), (1, True)], [], [(4, True), (5, True)]]


@pytest.mark.parametrize("where", ["first", "middle", "last"])
def test_a_bug_in_any_leg_ends_the_run_and_leaves_no_thread_behind(where: str) -> None:
    def bug(item: int) -> None:
        if item == 7:
            raise ZeroDivisionError

    way = Way()
    way.do = {where: bug}

    with pytest.raises(ZeroDivisionError):
        way.run(50, batch_size=5)

    assert (where, 7) not in way.done_by
    assert [(7, True)] not in [[one] for batch in way.settled for one in batch]
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("remote")]


def test_a_stop_in_the_first_leg_leaves_the_batch_before_its_common_leg() -> None:
    way = Way(concurrency=1)
    way.do = {"first": lambda item: way.stop.request("enough") if item == 1 else None}

    way.run(4, batch_size=4)

    assert way.done_by == [("first", 0), ("first", 1)]
    assert way.settled == [[(0, False), (1, False), (2, False), (3, False)]]


def test_a_stop_in_the_common_leg_finishes_that_and_leaves_the_last() -> None:
    way = Way(concurrency=1)
    way.do = {"middle": lambda item: way.stop.request("enough") if item == 0 else None}

    way.run(3, batch_size=3)

    assert way.together == [[0, 1, 2]]
    assert ("middle", 2) in way.done_by
    assert way.settled == [[(0, False), (1, False), (2, False)]]
    assert not [item for leg, item in way.done_by if leg == "last"]


def test_a_stop_in_the_last_leg_lets_through_who_was_through() -> None:
    way = Way(concurrency=1)
    way.do = {"last": lambda item: way.stop.request("enough") if item == 1 else None}

    way.run(4, batch_size=4)

    assert way.settled == [[(0, True), (1, True), (2, False), (3, False)]]


def test_a_stop_leaves_other_batches_where_they_are_between_their_legs() -> None:
    """The first batch waits in its last leg; the second has done its first leg when the stop comes."""
    way, second_there = Way(concurrency=2), Event()

    def first(item: int) -> None:
        if item == 1:
            way.stop.request("enough")
            second_there.set()

    way.do = {"first": first, "last": lambda item: second_there.wait(PATIENCE_S)}
    way.run(2, batch_size=1)

    assert ("first", 1) in way.done_by
    assert way.together in ([[0]], [])
    assert way.settled[-1] == [(1, False)]


# --- Stop --------------------------------------------------------------------------------------------


def test_the_first_reason_to_stop_stays() -> None:
    stop = Stop()

    stop.request("SIGINT", interrupted=True)
    stop.request("something else")

    assert (stop.requested, stop.reason, stop.interrupted) == (True, "SIGINT", True)


def test_a_pause_lasts_until_the_request_to_stop() -> None:
    stop = Stop()
    waiting = threading.Thread(target=stop.sleep, args=[3600], daemon=True)
    waiting.start()

    waiting.join(0.05)
    slept_on = waiting.is_alive()
    stop.request("enough")
    waiting.join(PATIENCE_S)

    assert (slept_on, waiting.is_alive()) == (True, False)


def test_a_pause_ends_by_itself_too() -> None:
    stop = Stop()

    stop.sleep(0.01)

    assert not stop.requested


def test_a_bug_in_a_later_batch_does_not_keep_an_earlier_one_from_being_written_down() -> None:
    bug_is_out, settled = Event(), []

    def work(item: int) -> None:
        if item == 1:
            bug_is_out.wait(PATIENCE_S)
            return
        bug_is_out.set()
        raise ValueError("bug")

    pipeline: Pipeline[int, int] = Pipeline(
        open_batch=list,
        legs=[Leg(each=work)],
        settle_batch=lambda batch: settled.append([item for item, _ in batch]),
        lanes=Lanes(4),
        stop=Stop(),
    )

    with pytest.raises(ValueError, match="bug"):
        pipeline.run([[1], [2]], 1)

    assert settled == [[1]]

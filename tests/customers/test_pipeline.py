"""Batches opened, worked on and settled: in order, in parallel, and stoppable."""

import threading
from collections.abc import Callable, Sequence
from threading import Event

import pytest

from customers.backfill.engine.pipeline import Pipeline
from customers.backfill.engine.stop import Stop

PATIENCE_S = 60.0


class Diary:
    """A pipeline over numbers that writes down what happened; `work` may be replaced."""

    def __init__(self, concurrency: int = 2, work: Callable[[int], int] = lambda item: item * 10) -> None:
        self.stop = Stop()
        self.opened: list[list[int]] = []
        self.settled: list[list[tuple[int, int | None]]] = []
        self.threads: set[str] = set()
        self.most_open = 0
        self.on_settle: Callable[[], None] = lambda: None
        self._work = work
        self._pipeline = Pipeline(
            open_batch=self._open,
            work=self._do,
            settle_batch=self._settle,
            concurrency=concurrency,
            stop=self.stop,
        )

    def run(self, count: int, batch_size: int) -> None:
        batches = [list(range(at, min(at + batch_size, count))) for at in range(0, count, batch_size)]
        self._pipeline.run(batches, batch_size)

    def _open(self, batch: Sequence[int]) -> Sequence[int]:
        self.opened.append(list(batch))
        self.most_open = max(self.most_open, len(self.opened) - len(self.settled))
        self.threads.add(f"books: {threading.current_thread().name}")
        return batch

    def _do(self, item: int) -> int:
        self.threads.add(
            "work: remote" if threading.current_thread().name.startswith("remote") else "work: ?"
        )
        return self._work(item)

    def _settle(self, batch: Sequence[tuple[int, int | None]]) -> None:
        self.settled.append(list(batch))
        self.threads.add(f"books: {threading.current_thread().name}")
        self.on_settle()


def test_every_item_is_worked_on_and_settled_in_order() -> None:
    diary = Diary()

    diary.run(5, batch_size=2)

    assert diary.opened == [[0, 1], [2, 3], [4]]
    assert diary.settled == [[(0, 0), (1, 10)], [(2, 20), (3, 30)], [(4, 40)]]


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

    assert all(result for batch in diary.settled for _, result in batch)


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
    assert diary.settled[0] == [(0, 0)]


def test_what_is_in_flight_is_finished_and_what_was_not_begun_is_left() -> None:
    diary = Diary(concurrency=1, work=lambda item: stop_at(diary, item, 1))

    diary.run(4, batch_size=4)

    assert diary.settled == [[(0, 0), (1, 1), (2, None), (3, None)]]


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
